#include "medisyn/data/disjoint.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

/// The records of the smaller side that have one key; `whole`: those that are no part of a divided subject.
struct Holders {
  const Record* first = nullptr;
  const Record* first_whole = nullptr;
  std::int64_t all = 0, whole = 0;
  bool is_shared = false, all_count = false;
};

struct Overlap {
  std::int64_t keys = 0;
  std::int64_t small_images = 0, large_images = 0;
  std::string_view key;  ///< the first of the larger side, with its record and one of the smaller side
  const Record* small = nullptr;
  const Record* large = nullptr;
};

template <class KeyOf>
std::unordered_map<std::string_view, Holders> list_holders(const Manifest& small, const KeyOf& key_of) {
  std::unordered_map<std::string_view, Holders> holders;
  for (const Record& record : small.records) {
    const std::string_view key = key_of(record);
    if (key.empty()) {
      continue;
    }
    Holders& own = holders[key];
    own.first = own.first == nullptr ? &record : own.first;
    ++own.all;
    if (!is_part_of_subject(record)) {
      own.first_whole = own.first_whole == nullptr ? &record : own.first_whole;
      ++own.whole;
    }
  }
  return holders;
}

/// `parts_may_share`: two parts of divided subjects may have the same key.
template <class KeyOf>
Overlap find_overlap(const Manifest& small, const Manifest& large, bool parts_may_share,
                     const KeyOf& key_of) {
  Overlap overlap;
  auto holders = list_holders(small, key_of);
  for (const Record& record : large.records) {
    const auto found = holders.empty() ? holders.end() : holders.find(key_of(record));
    if (found == holders.end()) {
      continue;
    }
    const bool counts_all = !(parts_may_share && is_part_of_subject(record));
    const Record* other = counts_all ? found->second.first : found->second.first_whole;
    if (other == nullptr) {
      continue;
    }
    found->second.is_shared = true;
    found->second.all_count = found->second.all_count || counts_all;
    ++overlap.large_images;
    if (overlap.large == nullptr) {
      overlap.key = found->first;
      overlap.small = other;
      overlap.large = &record;
    }
  }
  for (const auto& [key, own] : holders) {
    if (own.is_shared) {
      ++overlap.keys;
      overlap.small_images += own.all_count ? own.all : own.whole;
    }
  }
  return overlap;
}

/// A field that must not be the same on both sides.
struct Kind {
  const char* one;
  const char* many;
  std::string Record::*field;
  bool parts_may_share;
};
constexpr Kind kKinds[] = {{"image", "images", &Record::sha256, false},
                           {"patient", "patients", &Record::patient_id, true},
                           {"study", "studies", &Record::study_id, true},
                           {"video", "videos", &Record::video_id, true},
                           {"group", "groups of near-duplicates", &Record::group_id, false}};

/// Where each image is. Manifests of one folder are compared by file names alone.
class Places {
 public:
  Places(const Manifest& a, const Manifest& b) {
    const fs::path root_a = (fs::current_path() / a.root / "").lexically_normal();
    const fs::path root_b = (fs::current_path() / b.root / "").lexically_normal();
    if (root_a != root_b) {
      add(a, root_a);
      add(b, root_b);
    }
  }

  std::string_view operator()(const Record& record) const {
    const auto found = paths_.find(&record);
    return found == paths_.end() ? record.file_name : std::string_view(found->second);
  }

 private:
  void add(const Manifest& manifest, const fs::path& root) {
    for (const Record& record : manifest.records) {
      // Names in a drawn list lead out of its folder.
      const fs::path path = root / record.file_name;
      const bool is_normal = record.file_name.find("..") == std::string::npos;
      paths_.emplace(&record, is_normal ? path.string() : path.lexically_normal().string());
    }
  }

  std::unordered_map<const Record*, std::string> paths_;
};

}  // namespace

bool is_part_of_subject(const Record& record) {
  const std::string_view group = record.group_id;
  const std::size_t name = group.size() - std::min(group.size(), record.split.size() + 1);
  return !record.split.empty() && name > 0 && group[name] == '/' && group.substr(name + 1) == record.split;
}

void check_disjoint(const Manifest& a, const std::string& a_name, const Manifest& b,
                    const std::string& b_name) {
  const bool a_is_small = a.records.size() < b.records.size();
  const Manifest& small = a_is_small ? a : b;
  const Manifest& large = a_is_small ? b : a;
  const auto require_none = [&](const Overlap& overlap, const char* one, const char* many) {
    if (overlap.keys == 0) {
      return;
    }
    const Record* in_a = a_is_small ? overlap.small : overlap.large;
    const Record* in_b = a_is_small ? overlap.large : overlap.small;
    fail(
        "{} and {} must have nothing in common, but share {} {} ({} and {} images), the first: {} {:?} has "
        "{:?} in the one and {:?} in the other. Choose other images, or split them anew with medisyn curate",
        a_name, b_name, overlap.keys, overlap.keys == 1 ? one : many,
        a_is_small ? overlap.small_images : overlap.large_images,
        a_is_small ? overlap.large_images : overlap.small_images, one, overlap.key, in_a->file_name,
        in_b->file_name);
  };
  require_none(find_overlap(small, large, false, Places(a, b)), "file", "files");
  for (const Kind& kind : kKinds) {
    const auto key_of = [&](const Record& record) -> std::string_view { return record.*kind.field; };
    require_none(find_overlap(small, large, kind.parts_may_share, key_of), kind.one, kind.many);
  }
}

}  // namespace medisyn
