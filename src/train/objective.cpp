#include "medisyn/train/objective.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/autocast_mode.h>

#include <algorithm>
#include <map>

#include "medisyn/core/random_key.h"
#include "medisyn/data/disjoint.h"
#include "medisyn/data/filter.h"
#include "medisyn/data/sample.h"

namespace medisyn {

torch::Tensor noise_of(const std::vector<SampleDraw>& draws, std::string_view purpose,
                       torch::IntArrayRef shape) {
  std::vector<torch::Tensor> noise;
  for (const SampleDraw& draw : draws) {
    noise.push_back(torch::randn(shape, at::make_generator<at::CPUGeneratorImpl>(draw.key(purpose))));
  }
  return torch::stack(noise);
}

std::vector<std::int64_t> indices_of(const std::vector<SampleDraw>& draws) {
  std::vector<std::int64_t> indices;
  for (const SampleDraw& draw : draws) {
    indices.push_back(draw.index);
  }
  return indices;
}

Manifest training_records(const TrainConfig& config) {
  const Manifest all = read_manifest(config.data.manifest);
  Manifest train = filtered(all, config.data.where);
  check_disjoint(train, "the training images (data.where)", filtered(all, config.data.validation_where),
                 "the held-out images (data.validation_where)");
  return train;
}

Manifest held_out_records(const TrainConfig& config) {
  const Manifest all = filtered(read_manifest(config.data.manifest), config.data.validation_where);
  const std::int64_t count = std::min(config.data.validation_images, std::ssize(all.records));
  return sample(all, count, static_cast<std::uint64_t>(config.seed));
}

std::vector<std::int64_t> record_hashes(const std::vector<Record>& records) {
  std::vector<std::int64_t> hashes;
  for (const Record& record : records) {
    const std::string all = fmt::format("{:?} {:?} {} {:?} {:?}", record.id, record.file_name, record.sha256,
                                        record.text, record.image_type);
    hashes.push_back(static_cast<std::int64_t>(hash_text(all)));
  }
  return hashes;
}

Scores mean_scores(const std::string& prefix, const std::vector<double>& values,
                   const std::vector<std::string>& types) {
  double total = 0;
  std::map<std::string, std::pair<double, std::int64_t>> by_type;
  for (std::size_t i = 0; i < values.size(); ++i) {
    total += values[i];
    auto& [sum, count] = by_type[types[i]];
    sum += values[i];
    ++count;
  }
  Scores scores = {{prefix, total / static_cast<double>(values.size())}};
  for (const auto& [type, entry] : by_type) {
    if (!type.empty()) {
      scores.emplace_back(prefix + "/" + type, entry.first / static_cast<double>(entry.second));
    }
  }
  return scores;
}

Autocast::Autocast(const std::string& precision, torch::Device device)
    : enabled_(precision == "bf16"), type_(device.type()) {
  if (enabled_) {
    at::autocast::set_autocast_enabled(type_, true);
    at::autocast::set_autocast_dtype(type_, torch::kBFloat16);
    // Each weight is used once: its bf16 copy would be kept for the whole forward pass and for nothing.
    at::autocast::set_autocast_cache_enabled(false);
    at::autocast::increment_nesting();
  }
}

Autocast::~Autocast() {
  if (enabled_) {
    if (at::autocast::decrement_nesting() == 0) {
      at::autocast::clear_cache();
    }
    at::autocast::set_autocast_cache_enabled(true);
    at::autocast::set_autocast_enabled(type_, false);
  }
}

}  // namespace medisyn
