#include "medisyn/curate/config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <regex>
#include <set>

#include "medisyn/core/error.h"
#include "medisyn/curate/describe.h"
#include "medisyn/io/dicom.h"

namespace medisyn {
namespace {

/// The checks of one repository; each names it and the key.
class RepositoryCheck {
 public:
  explicit RepositoryCheck(const RepositoryConfig& repository) : repository_(repository) {}

  void run() const {
    check_name();
    check_regex("pattern", repository_.pattern);
    check_texts();
    for (const WindowConfig& window : repository_.windows) {
      check_window(window);
    }
    is_volume() ? check_volume_keys() : check_picture_keys();
    check_split();
    check_caption();
  }

 private:
  [[noreturn]] void refuse(const std::string& key, const std::string& message) const {
    fail("repository {}: {}: {}", repository_.name, key, message);
  }

  bool reads(const char* reader) const { return repository_.reader == reader; }
  bool is_volume() const { return reads("nifti") || reads("nrrd") || reads("raw"); }

  void check_name() const {
    const auto is_allowed = [](unsigned char c) {
      return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '-';
    };
    if (repository_.name.empty() ||
        !std::all_of(repository_.name.begin(), repository_.name.end(), is_allowed)) {
      refuse("name", "expected lower-case letters, digits and dashes, because files are named after it");
    }
  }

  void check_regex(const std::string& key, const std::string& text) const {
    try {
      const std::regex checked(text);
    } catch (const std::regex_error& error) {
      refuse(key, fmt::format("expected a regular expression, found {:?} ({})", text, error.what()));
    }
  }

  /// A text comes from one place at most, and what is read is there.
  template <class Config>
  void check_text(const std::string& key, const Config& text, const std::string& fixed, bool is_id) const {
    const auto named = std::ranges::count_if(std::array{fixed, text.column, text.regex, text.tag},
                                             [](const std::string& place) { return !place.empty(); });
    if (named > 1) {
      refuse(key, "expected one of fixed, column, regex and tag");
    }
    check_regex(key + ".regex", text.regex);
    if (!text.regex.empty() && std::regex(text.regex).mark_count() == 0) {
      refuse(key + ".regex", fmt::format("expected a group in parentheses, found none in {:?}", text.regex));
    }
    if (!text.tag.empty() && !reads("dicom")) {
      refuse(key + ".tag", "is for the reader dicom");
    }
    if (!text.tag.empty() && !(is_id ? is_dicom_id(text.tag) : is_dicom_word(text.tag))) {
      refuse(key + ".tag", fmt::format("expected one of {}, found {}",
                                       fmt::join(is_id ? dicom_ids() : dicom_words(), ", "), text.tag));
    }
    const bool has_columns =
        repository_.table || repository_.tar || (repository_.frames && repository_.frames->annotations);
    if (!text.column.empty() && !has_columns) {
      refuse(key + ".column", "there is no table, tar or annotations to have columns");
    }
  }

  void check_texts() const {
    check_text("patient", repository_.patient, repository_.patient.fixed, true);
    if (repository_.study) {
      check_text("study", *repository_.study, repository_.study->fixed, true);
    }
    if (repository_.video) {
      check_text("video", *repository_.video, repository_.video->fixed, true);
    }
    check_text("labels", repository_.labels, "", false);
    for (const auto& [text, names] : repository_.labels.names) {
      if (names.empty()) {
        refuse("labels.names." + text, "expected at least one name");
      }
    }
    for (const auto& [name, pick] : repository_.words) {
      check_text("words." + name, pick, "", false);
    }
    if (repository_.split.official) {
      check_text("split.official", *repository_.split.official, repository_.split.official->fixed, false);
    }
  }

  void check_window(const WindowConfig& window) const {
    const bool has_one_low = window.low.has_value() != window.low_percent.has_value();
    const bool has_one_high = window.high.has_value() != window.high_percent.has_value();
    if (!has_one_low || !has_one_high) {
      refuse("windows", "expected one of low and low_percent, and one of high and high_percent");
    }
    if (window.low && window.high && *window.low >= *window.high) {
      refuse("windows", fmt::format("expected low below high, found {} and {}", *window.low, *window.high));
    }
    if (reads("dicom") && (!window.low || !window.high || repository_.windows.size() != 1)) {
      refuse("windows", "of DICOM files: expected one window with low and high at most");
    }
  }

  void check_volume_keys() const {
    if (repository_.windows.empty() || repository_.slices.empty()) {
      refuse("windows and slices", "a volume needs at least one of each");
    }
    if (repository_.raw.has_value() != reads("raw")) {
      refuse("raw", "needed by the reader raw, and by no other");
    }
    if (repository_.raw && (repository_.raw->size.size() != 3 || repository_.raw->spacing.size() != 3)) {
      refuse("raw", "expected three numbers in size and in spacing, fastest axis first");
    }
    if (!repository_.crop.empty() || !repository_.tiles.empty()) {
      refuse("crop and tiles", "are for pictures, not for volumes");
    }
    if (repository_.split.rule == "region") {
      refuse("split.rule", "region is for pictures cut into tiles; frames holds out slices");
    }
    if (repository_.label_volume) {
      for (const LabelGroupConfig& group : repository_.label_volume->groups) {
        check_regex("label_volume.groups", group.match);
      }
    }
  }

  void check_picture_keys() const {
    if (!repository_.slices.empty() || repository_.label_volume || repository_.raw) {
      refuse("slices, label_volume and raw", "are for volumes, not for pictures");
    }
    if (!reads("dicom") && !repository_.windows.empty()) {
      refuse("windows", "are for volumes and DICOM files");
    }
    if (repository_.frames && !reads("video")) {
      refuse("frames", "are for the reader video");
    }
    if (repository_.slide && !reads("slide")) {
      refuse("slide", "is for the reader slide");
    }
    if (reads("slide") && repository_.tiles.empty()) {
      refuse("tiles", "a slide needs at least one");
    }
    if (repository_.tar && (!reads("picture") || repository_.table)) {
      refuse("tar", "is for the reader picture without a table: its samples bring their own columns");
    }
    const auto is_negative = [](std::int64_t n) { return n < 0 || n > (1 << 20); };
    if (!repository_.crop.empty() &&
        (repository_.crop.size() != 4 ||
         std::any_of(repository_.crop.begin(), repository_.crop.end(), is_negative))) {
      refuse("crop", "expected [top, left, height, width] in pixels");
    }
  }

  void check_split() const {
    if (repository_.split.rule == "region" && repository_.tiles.empty()) {
      refuse("split.rule", "region needs tiles");
    }
    if ((repository_.split.rule == "official") != repository_.split.official.has_value()) {
      refuse("split.official", "needed by the rule official, and by no other");
    }
  }

  /// With every placeholder filled and with none, so that a slip is found before hours of reading.
  void check_caption() const {
    CaptionWords words = Describer::placeholders(repository_);
    for (auto& [name, word] : words) {
      word.assign(1, 'x');
    }
    fill_caption(repository_.caption, words);
  }

  const RepositoryConfig& repository_;
};

void check_ratio(const std::vector<double>& ratio) {
  const bool has_negative = std::any_of(ratio.begin(), ratio.end(), [](double part) { return part < 0.0; });
  if (ratio.size() != 3 || has_negative || std::accumulate(ratio.begin(), ratio.end(), 0.0) <= 0.0) {
    fail("split.ratio: expected three numbers of at least 0: train, validation, test");
  }
}

}  // namespace

void check_curate_config(const CurateConfig& config) {
  if (config.repositories.empty()) {
    fail("repositories: expected at least one");
  }
  check_ratio(config.split.ratio);
  std::set<std::string> names;
  for (const RepositoryConfig& repository : config.repositories) {
    RepositoryCheck(repository).run();
    if (!names.insert(repository.name).second) {
      fail("repository {}: name: another repository has the same name", repository.name);
    }
  }
}

}  // namespace medisyn
