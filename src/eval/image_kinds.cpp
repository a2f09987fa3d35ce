#include "medisyn/eval/image_kinds.h"

#include <fmt/ranges.h>

#include <map>
#include <set>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

using Kinds = std::set<ImageKind>;

ImageKind kind_of(const Record& record) { return {record.specialty, record.image_type}; }

std::string list(const Kinds& kinds) {
  std::vector<std::string> names;
  for (const ImageKind& kind : kinds) {
    names.push_back(to_string(kind));
  }
  return fmt::format("{}", fmt::join(names, "; "));
}

/// What a generated image says of itself.
std::string known_of(const Record& record) {
  const ImageKind own = kind_of(record);
  return own == ImageKind{} ? fmt::format("prompt \"{}\"", record.text)
                            : fmt::format("{}, prompt \"{}\"", to_string(own), record.text);
}

class KindFinder {
 public:
  explicit KindFinder(const Manifest& real) {
    for (const Record& record : real.records) {
      all_.insert(kind_of(record));
      if (!record.text.empty()) {
        by_caption_[record.text].insert(kind_of(record));
      }
    }
  }

  ImageKind find(const Manifest& generated, const Record& record) const {
    const Kinds left = candidates(record);
    if (left.size() == 1) {
      return *left.begin();
    }
    const std::string where = fmt::format("{}: {}", generated.root.string(), record.file_name);
    if (left.empty()) {
      fail("{}: no real image is of its specialty and image type ({}); the real ones are of: {}", where,
           known_of(record), list(all_));
    }
    fail(
        "{}: expected one specialty and image type, found several among the real images that it may be of "
        "({}): {}; name both in its metadata.jsonl, or draw it with a caption of the real images as its "
        "prompt",
        where, known_of(record), list(left));
  }

 private:
  Kinds candidates(const Record& record) const {
    const auto caption = by_caption_.find(record.text);
    const bool names_both = !record.specialty.empty() && !record.image_type.empty();
    const Kinds& among = caption == by_caption_.end() || names_both ? all_ : caption->second;
    Kinds left;
    for (const ImageKind& kind : among) {
      if ((record.specialty.empty() || record.specialty == kind.specialty) &&
          (record.image_type.empty() || record.image_type == kind.image_type)) {
        left.insert(kind);
      }
    }
    return left;
  }

  Kinds all_;
  std::map<std::string, Kinds> by_caption_;
};

}  // namespace

std::string to_string(const ImageKind& kind) {
  return fmt::format("{}, {}", kind.specialty.empty() ? "no specialty" : kind.specialty,
                     kind.image_type.empty() ? "no image type" : kind.image_type);
}

std::string specialty_of(const ImageKind& kind) {
  return !kind.specialty.empty() ? kind.specialty : !kind.image_type.empty() ? kind.image_type : "all images";
}

std::vector<ImageKind> kinds_of(const Manifest& manifest) {
  std::vector<ImageKind> kinds;
  for (const Record& record : manifest.records) {
    kinds.push_back(kind_of(record));
  }
  return kinds;
}

std::vector<ImageKind> prompted_kinds(const Manifest& generated, const Manifest& real) {
  const KindFinder finder(real);
  std::vector<ImageKind> kinds;
  for (const Record& record : generated.records) {
    kinds.push_back(finder.find(generated, record));
  }
  return kinds;
}

}  // namespace medisyn
