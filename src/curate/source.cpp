#include "medisyn/curate/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/numbers.h"
#include "source_parts.h"

namespace medisyn {
namespace {

/// The files of a repository, sorted by name, so that the outcome does not hang on the file system.
std::vector<fs::path> list_files(const CurateConfig& config, const RepositoryConfig& repository) {
  const fs::path path = config.root / repository.path;
  if (!fs::exists(path)) {
    fail("repository {}: path {}: no such file or folder", repository.name, path.string());
  }
  if (!fs::is_directory(path)) {
    return {path};
  }
  const std::regex pattern(repository.pattern);
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    const std::string below = entry.path().lexically_relative(path).generic_string();
    const bool is_hidden = entry.path().filename().string().starts_with(".");
    if (entry.is_regular_file() && !is_hidden && std::regex_match(below, pattern)) {
      files.push_back(entry.path());
    }
  }
  if (files.empty()) {
    fail("repository {}: no file below {} matches the pattern {:?}", repository.name, path.string(),
         repository.pattern);
  }
  std::sort(files.begin(), files.end());
  return files;
}

long to_number(const std::string& text, const RepositoryConfig& repository, const std::string& stem) {
  const auto number = parse_number<long>(text);
  if (!number) {
    fail("repository {}: patient.divide_by: expected a number in {:?}, found {:?}", repository.name, stem,
         text);
  }
  return *number;
}

}  // namespace

CaptionWords caption_words(const RepositoryConfig& repository, const CaptionWords& given) {
  CaptionWords words{{"specialty", repository.specialty},
                     {"image_type", repository.image_type},
                     {"labels", join_words(repository.labels)}};
  const bool is_volume = !repository.slices.empty();
  const std::vector<const char*> names =
      is_volume ? std::vector<const char*>{"plane", "window", "position", "structures"}
                : std::vector<const char*>{"tile", "row", "column", "folder"};
  for (const char* name : names) {
    const auto found = given.find(name);
    words[name] = found == given.end() ? "" : found->second;
  }
  return words;
}

std::string stem_of(const CurateConfig& config, const RepositoryConfig& repository, const fs::path& path) {
  const fs::path root = config.root / repository.path;
  std::string stem =
      (fs::is_directory(root) ? path.lexically_relative(root) : path.filename()).generic_string();
  const std::size_t name = stem.rfind('/') == std::string::npos ? 0 : stem.rfind('/') + 1;
  const std::size_t dot = stem.find('.', name + 1);
  return stem.substr(0, dot);
}

std::string patient_of(const RepositoryConfig& repository, const std::string& stem,
                       const std::string& dicom_hash) {
  const PatientConfig& patient = repository.patient;
  if (!patient.id.empty()) {
    return repository.name + "-" + patient.id;
  }
  if (patient.regex.empty()) {
    // A DICOM patient is the same one in every repository, so no name stands in front.
    return dicom_hash.empty() ? repository.name + "-" + stem : "patient-" + dicom_hash;
  }
  std::smatch match;
  if (!std::regex_search(stem, match, std::regex(patient.regex)) || match.size() < 2) {
    fail("repository {}: patient.regex {:?} finds no group in {:?}", repository.name, patient.regex, stem);
  }
  const std::string found = match[1].str();
  if (patient.divide_by == 1) {
    return repository.name + "-" + found;
  }
  return fmt::format("{}-{}", repository.name, to_number(found, repository, stem) / patient.divide_by);
}

Extent frame_extent(const RepositoryConfig& repository, int index, int count) {
  return {static_cast<double>(index) / count, (index + 1.0) / count,
          static_cast<double>(repository.split.gap) / count};
}

void take_image(const RepositoryConfig& repository, Collector& collector, const Image& image,
                const std::string& name, const CaptionWords& words,
                const std::vector<std::string>& structures, const std::string& patient,
                const Extent& extent) {
  const auto split = choose_split(repository.split, repository.name, patient, extent);
  if (!split) {
    collector.skip(kAcrossBorder);
    return;
  }
  Record record;
  record.text = fill_caption(repository.caption, words);
  record.patient_id = patient;
  record.specialty = repository.specialty;
  record.image_type = repository.image_type;
  record.labels = repository.labels;
  record.labels.insert(record.labels.end(), structures.begin(), structures.end());
  record.source = repository.source;
  record.licence = repository.licence;
  record.split = *split;
  collector.take(image, name, std::move(record));
}

void read_repository(const CurateConfig& config, const RepositoryConfig& repository, Collector& collector) {
  collector.begin(repository);
  for (const fs::path& path : list_files(config, repository)) {
    if (repository.reader == "dicom") {
      read_dicom_file(config, repository, path, collector);
    } else if (repository.reader == "image_folder") {
      read_picture_file(config, repository, path, collector);
    } else {
      read_volume_file(config, repository, path, collector);
    }
  }
  collector.check_bad_files();
}

}  // namespace medisyn
