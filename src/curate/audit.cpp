#include "medisyn/curate/audit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "audit_parts.h"

namespace medisyn {
namespace {

using Names = std::unordered_set<std::string_view>;

constexpr std::size_t kNoSide = kSides;

std::size_t side_of(std::string_view split) {
  return static_cast<std::size_t>(std::find(kSideNames.begin(), kSideNames.end(), split) -
                                  kSideNames.begin());
}

void add(SideCounts& counts, std::size_t side) {
  ++counts.total;
  if (side != kNoSide) {
    ++counts.sides[side];
  }
}

/// Names, each with the sides that it was seen on, one bit a side.
class SidesOfNames {
 public:
  void add(const std::string& name, std::size_t side) {
    if (!name.empty()) {
      sides_[name] |= side == kNoSide ? 0U : 1U << side;
    }
  }

  SideCounts counts() const {
    SideCounts counts{.total = std::ssize(sides_)};
    for (const auto& [name, sides] : sides_) {
      for (std::size_t side = 0; side < kSides; ++side) {
        counts.sides[side] += sides >> side & 1U;
      }
    }
    return counts;
  }

  std::int64_t on_two_sides() const {
    return std::count_if(sides_.begin(), sides_.end(),
                         [](const auto& entry) { return (entry.second & (entry.second - 1)) != 0; });
  }

 private:
  std::unordered_map<std::string_view, unsigned> sides_;
};

struct RepositoryTally {
  SideCounts images;
  Names patients, studies, videos, groups;
  std::set<std::string_view> image_types, specialties;
  std::unordered_map<std::string_view, SideCounts> classes;

  void add_record(const Record& record, std::size_t side) {
    add(images, side);
    insert(patients, record.patient_id);
    insert(studies, record.study_id);
    insert(videos, record.video_id);
    insert(groups, record.group_id);
    image_types.insert(record.image_type);
    specialties.insert(record.specialty);
    for (auto label = record.labels.begin(); label != record.labels.end(); ++label) {
      if (std::find(record.labels.begin(), label, *label) == label) {
        add(classes[*label], side);
      }
    }
    if (record.labels.empty()) {
      add(classes[{}], side);
    }
  }

  RepositoryCounts counts(AuditRepository repository) const {
    return {.repository = std::move(repository),
            .image_types = fmt::format("{}", fmt::join(image_types, ", ")),
            .specialties = fmt::format("{}", fmt::join(specialties, ", ")),
            .images = images,
            .patients = std::ssize(patients),
            .studies = std::ssize(studies),
            .videos = std::ssize(videos),
            .groups = std::ssize(groups)};
  }

 private:
  static void insert(Names& names, const std::string& name) {
    if (!name.empty()) {
      names.insert(name);
    }
  }
};

/// All that one pass over the records gathers.
class Tally {
 public:
  explicit Tally(const std::vector<AuditRepository>& repositories) : repositories_(repositories) {
    tallies_.resize(repositories.size());
    for (std::size_t i = 0; i < repositories.size(); ++i) {
      places_.emplace(repositories[i].name, i);
    }
  }

  void add_record(const Record& record) {
    const std::size_t side = side_of(record.split);
    add(images_, side);
    add(image_types_[record.image_type], side);
    add(specialties_[record.specialty], side);
    ++transforms_[record.transform];
    patients_.add(record.patient_id, side);
    groups_.add(record.group_id, side);
    tallies_[place_of(record)].add_record(record, side);
    ++captions_.try_emplace(record.text, CaptionUse{&record, 0}).first->second.images;
  }

  Audit audit() const {
    Audit audit;
    audit.images = images_;
    audit.patients = patients_.counts();
    audit.groups = groups_.counts();
    audit.patients_on_two_sides = patients_.on_two_sides();
    audit.groups_on_two_sides = groups_.on_two_sides();
    audit.captions = std::ssize(captions_);
    audit.image_types.insert(image_types_.begin(), image_types_.end());
    audit.specialties.insert(specialties_.begin(), specialties_.end());
    audit.transforms.insert(transforms_.begin(), transforms_.end());
    for (std::size_t i = 0; i < tallies_.size(); ++i) {
      audit.repositories.push_back(tallies_[i].counts(repositories_[i]));
      for (const auto& [label, counts] : tallies_[i].classes) {
        audit.classes[{repositories_[i].name, std::string(label)}] = counts;
      }
    }
    return audit;
  }

  std::vector<CaptionUse> captions() const {
    std::vector<CaptionUse> captions;
    captions.reserve(captions_.size());
    for (const auto& [text, use] : captions_) {
      captions.push_back(use);
    }
    return captions;
  }

 private:
  std::size_t place_of(const Record& record) {
    const auto [entry, is_new] = places_.try_emplace(record.repository, tallies_.size());
    if (is_new) {
      repositories_.push_back({record.repository, record.source, record.licence});
      tallies_.emplace_back();
    }
    return entry->second;
  }

  std::vector<AuditRepository> repositories_;
  std::vector<RepositoryTally> tallies_;
  std::unordered_map<std::string_view, std::size_t> places_;
  SideCounts images_;
  std::unordered_map<std::string_view, SideCounts> image_types_, specialties_;
  std::unordered_map<std::string_view, std::int64_t> transforms_;
  SidesOfNames patients_, groups_;
  std::unordered_map<std::string_view, CaptionUse> captions_;
};

}  // namespace

Audit make_audit(const Manifest& manifest, const std::vector<AuditRepository>& repositories, LeftOut left_out,
                 const Tokenizer* tokenizer, std::int64_t threads) {
  Tally tally(repositories);
  for (const Record& record : manifest.records) {
    tally.add_record(record);
  }
  Audit audit = tally.audit();
  audit.left_out = std::move(left_out);
  if (tokenizer != nullptr) {
    audit.max_tokens = tokenizer->model_max_length();
    audit.long_captions = find_long_captions(tally.captions(), *tokenizer, threads);
  }
  return audit;
}

bool is_exact(const DuplicateCluster& cluster) {
  return std::all_of(cluster.members.begin() + (cluster.members.empty() ? 0 : 1), cluster.members.end(),
                     [](const DuplicateMember& member) { return member.is_exact_copy; });
}

RemovedDuplicates count_removed(const std::vector<DuplicateCluster>& clusters) {
  RemovedDuplicates removed;
  for (const DuplicateCluster& cluster : clusters) {
    for (const DuplicateMember& member : cluster.members) {
      if (!member.is_kept) {
        ++(member.is_exact_copy ? removed.exact : removed.near);
      }
    }
  }
  return removed;
}

}  // namespace medisyn
