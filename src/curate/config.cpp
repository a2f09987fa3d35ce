#include "medisyn/curate/config.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <regex>
#include <set>

#include "medisyn/core/error.h"
#include "source_parts.h"

namespace medisyn {
namespace {

[[noreturn]] void refuse(const RepositoryConfig& repository, const std::string& key,
                         const std::string& message) {
  fail("repository {}: {}: {}", repository.name, key, message);
}

void check_regex(const RepositoryConfig& repository, const std::string& key, const std::string& text) {
  try {
    const std::regex checked(text);
  } catch (const std::regex_error& error) {
    refuse(repository, key,
           fmt::format("expected a regular expression, found {:?} ({})", text, error.what()));
  }
}

void check_window(const RepositoryConfig& repository, const WindowConfig& window) {
  const bool has_one_low = window.low.has_value() != window.low_percent.has_value();
  const bool has_one_high = window.high.has_value() != window.high_percent.has_value();
  if (!has_one_low || !has_one_high) {
    refuse(repository, "windows", "expected one of low and low_percent, and one of high and high_percent");
  }
  if (window.low && window.high && *window.low >= *window.high) {
    refuse(repository, "windows",
           fmt::format("expected low below high, found {} and {}", *window.low, *window.high));
  }
  if (repository.reader == "dicom" && (!window.low || !window.high || repository.windows.size() != 1)) {
    refuse(repository, "windows", "of DICOM files: expected one window with low and high at most");
  }
}

void check_volume_keys(const RepositoryConfig& repository) {
  if (repository.windows.empty() || repository.slices.empty()) {
    refuse(repository, "windows and slices", "a volume needs at least one of each");
  }
  if (repository.raw.has_value() != (repository.reader == "raw")) {
    refuse(repository, "raw", "needed by the reader raw, and by no other");
  }
  if (repository.raw && (repository.raw->size.size() != 3 || repository.raw->spacing.size() != 3)) {
    refuse(repository, "raw", "expected three numbers in size and in spacing, fastest axis first");
  }
  if (!repository.crop.empty() || !repository.tiles.empty()) {
    refuse(repository, "crop and tiles", "are for pictures, not for volumes");
  }
  if (repository.split.rule == "region") {
    refuse(repository, "split.rule", "region is for pictures cut into tiles; frames holds out slices");
  }
  if (repository.label_volume) {
    for (const LabelGroupConfig& group : repository.label_volume->groups) {
      check_regex(repository, "label_volume.groups", group.match);
    }
  }
}

void check_picture_keys(const RepositoryConfig& repository) {
  if (!repository.slices.empty() || repository.label_volume || repository.raw) {
    refuse(repository, "slices, label_volume and raw", "are for volumes, not for pictures");
  }
  if (repository.reader == "image_folder" && !repository.windows.empty()) {
    refuse(repository, "windows", "are for volumes and DICOM files");
  }
  const auto is_negative = [](std::int64_t n) { return n < 0 || n > (1 << 20); };
  if (!repository.crop.empty() &&
      (repository.crop.size() != 4 ||
       std::any_of(repository.crop.begin(), repository.crop.end(), is_negative))) {
    refuse(repository, "crop", "expected [top, left, height, width] in pixels");
  }
  if (repository.split.rule == "region" && repository.tiles.empty()) {
    refuse(repository, "split.rule", "region needs tiles");
  }
}

void check_split(const RepositoryConfig& repository) {
  const std::vector<double>& ratio = repository.split.ratio;
  const bool has_negative = std::any_of(ratio.begin(), ratio.end(), [](double part) { return part < 0.0; });
  if (ratio.size() != 3 || has_negative || std::accumulate(ratio.begin(), ratio.end(), 0.0) <= 0.0) {
    refuse(repository, "split.ratio", "expected three numbers of at least 0: train, validation, test");
  }
}

/// With every placeholder filled and with none, so that a slip is found before hours of reading.
void check_caption(const RepositoryConfig& repository) {
  CaptionWords words = caption_words(repository, {});
  for (auto& [name, word] : words) {
    word.assign(1, 'x');
  }
  fill_caption(repository.caption, words);
}

void check_repository(const RepositoryConfig& repository) {
  const auto is_allowed = [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '-';
  };
  if (repository.name.empty() || !std::all_of(repository.name.begin(), repository.name.end(), is_allowed)) {
    refuse(repository, "name",
           "expected lower-case letters, digits and dashes, because files are named after it");
  }
  check_regex(repository, "pattern", repository.pattern);
  check_regex(repository, "patient.regex", repository.patient.regex);
  for (const WindowConfig& window : repository.windows) {
    check_window(repository, window);
  }
  const bool is_picture = repository.reader == "image_folder" || repository.reader == "dicom";
  is_picture ? check_picture_keys(repository) : check_volume_keys(repository);
  check_split(repository);
  check_caption(repository);
}

}  // namespace

void check_curate_config(const CurateConfig& config) {
  if (config.repositories.empty()) {
    fail("repositories: expected at least one");
  }
  std::set<std::string> names;
  for (const RepositoryConfig& repository : config.repositories) {
    check_repository(repository);
    if (!names.insert(repository.name).second) {
      refuse(repository, "name", "another repository has the same name");
    }
  }
}

}  // namespace medisyn
