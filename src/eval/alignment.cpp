#include "medisyn/eval/alignment.h"

#include <ATen/CPUGeneratorImpl.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "medisyn/core/error.h"
#include "medisyn/core/random_key.h"
#include "medisyn/features/neighbours.h"

namespace medisyn {

std::pair<double, double> wilson_interval(const Share& share) {
  TORCH_CHECK(share.all > 0, "a share of nothing has no interval");
  constexpr double kZ = 1.959963984540054;
  const auto n = static_cast<double>(share.all);
  const double p = share.value();
  const double centre = p + kZ * kZ / (2 * n);
  const double spread = kZ * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n));
  return {std::max((centre - spread) / (1 + kZ * kZ / n), 0.0),
          std::min((centre + spread) / (1 + kZ * kZ / n), 1.0)};
}

double AlignmentScore::mean_of_types() const {
  double sum = 0;
  for (const auto& [type, share] : by_type) {
    sum += share.value();
  }
  return by_type.empty() ? 0 : sum / static_cast<double>(by_type.size());
}

CaptionTypes types_of_captions(const Manifest& real) {
  CaptionTypes types;
  for (const Record& record : real.records) {
    if (!record.image_type.empty()) {
      types[record.text].insert(record.image_type);
    }
  }
  return types;
}

std::vector<std::string> prompted_types(const Manifest& generated, const CaptionTypes& captions) {
  std::vector<std::string> prompted;
  for (const Record& record : generated.records) {
    const auto found = captions.find(record.text);
    if (found == captions.end()) {
      fail("{}: {}: no real image has the caption \"{}\", so the image type it was asked for is not known",
           generated.root.string(), record.file_name, record.text);
    }
    if (found->second.size() > 1) {
      fail("{}: {}: the caption \"{}\" stands for {} among the real images: it must name one image type",
           generated.root.string(), record.file_name, record.text, fmt::join(found->second, " and for "));
    }
    prompted.push_back(*found->second.begin());
  }
  return prompted;
}

std::vector<std::string> own_types(const Manifest& manifest) {
  std::vector<std::string> types;
  for (const Record& record : manifest.records) {
    if (record.image_type.empty()) {
      fail("{}: {}: image_type: expected the type of the image, found none", manifest.root.string(),
           record.file_name);
    }
    types.push_back(record.image_type);
  }
  return types;
}

std::vector<std::int64_t> balanced_references(const std::vector<Record>& records, std::int64_t most,
                                              std::uint64_t seed) {
  std::map<std::string, std::vector<std::int64_t>> by_type;
  for (std::size_t i = 0; i < records.size(); ++i) {
    by_type[records[i].image_type].push_back(static_cast<std::int64_t>(i));
  }
  std::int64_t each = most;
  for (const auto& [type, members] : by_type) {
    each = std::min(each, static_cast<std::int64_t>(members.size()));
  }
  std::vector<std::int64_t> chosen;
  for (const auto& [type, members] : by_type) {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(random_key({seed, hash_text(type)}));
    const torch::Tensor order = torch::randperm(static_cast<std::int64_t>(members.size()), generator);
    for (std::int64_t i = 0; i < each; ++i) {
      chosen.push_back(members[static_cast<std::size_t>(order[i].item<std::int64_t>())]);
    }
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

AlignmentScore score_alignment(std::string name, const torch::Tensor& features,
                               std::vector<std::string> truth, const torch::Tensor& references,
                               const std::vector<std::string>& reference_types, std::int64_t k) {
  const torch::Tensor nearest = nearest_by_cosine(features, references, k).indices;
  const auto neighbour = nearest.accessor<std::int64_t, 2>();
  AlignmentScore score{.name = std::move(name), .truth = std::move(truth)};
  for (std::int64_t i = 0; i < nearest.size(0); ++i) {
    const auto type_of = [&](std::int64_t j) -> const std::string& {
      return reference_types[static_cast<std::size_t>(neighbour[i][j])];
    };
    std::map<std::string, std::int64_t> votes;
    for (std::int64_t j = 0; j < k; ++j) {
      ++votes[type_of(j)];
    }
    std::string winner = type_of(0);
    for (std::int64_t j = 1; j < k; ++j) {
      if (votes[type_of(j)] > votes[winner]) {
        winner = type_of(j);
      }
    }
    const std::string& wanted = score.truth[static_cast<std::size_t>(i)];
    for (Share* share : {&score.by_type[wanted], &score.all}) {
      share->right += winner == wanted ? 1 : 0;
      ++share->all;
    }
    score.votes.push_back(static_cast<double>(votes[wanted]) / static_cast<double>(k));
    score.predicted.push_back(winner);
  }
  return score;
}

}  // namespace medisyn
