#include "reader_study_candidates.h"

#include <map>
#include <set>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/data/filter.h"
#include "medisyn/data/manifest.h"
#include "medisyn/io/csv.h"

namespace medisyn {
namespace {

/// id -> cluster, as curate found them.
std::map<std::string, std::string> read_clusters(const Manifest& manifest) {
  std::map<std::string, std::string> clusters;
  const fs::path file = manifest.root / "duplicates.csv";
  if (is_file(file)) {
    const Table table = read_csv(file);
    const std::size_t id = table.column("id"), cluster = table.column("cluster");
    for (const auto& row : table.rows) {
      clusters[row[id]] = fmt::format("{}#{}", file.string(), row[cluster]);
    }
  }
  return clusters;
}

/// The patient, study or video; a record without it: its group, or itself.
std::string group_of(const Record& record, const std::string& field) {
  const std::string& wanted = field == "patient_id" ? record.patient_id
                              : field == "study_id" ? record.study_id
                              : field == "video_id" ? record.video_id
                                                    : record.group_id;
  return !wanted.empty() ? wanted : !record.group_id.empty() ? record.group_id : record.id;
}

class Side {
 public:
  Side(const ReaderStudyConfig& config, bool is_synthetic, std::vector<StudyCandidate>& candidates,
       std::vector<ImageSource>& sources)
      : config_(config), is_synthetic_(is_synthetic), candidates_(candidates), sources_(sources) {
    for (const StudyClassConfig& entry : config.classes) {
      filters_.push_back(parse_filter(is_synthetic ? entry.synthetic : entry.real));
    }
  }

  void run() {
    const StudyImagesConfig& images = is_synthetic_ ? config_.synthetic : config_.real;
    for (std::size_t i = 0; i < images.images.size(); ++i) {
      add(filtered(read_manifest(images.images[i]), images.where), i);
    }
    for (std::size_t c = 0; c < filters_.size(); ++c) {
      if (!seen_classes_.contains(c)) {
        const StudyClassConfig& entry = config_.classes[c];
        fail("class {}: no {} image is {}: look at the class's filter and the manifests", entry.name,
             is_synthetic_ ? "synthetic" : "real", is_synthetic_ ? entry.synthetic : entry.real);
      }
    }
  }

 private:
  void add(const Manifest& manifest, std::size_t number) {
    const std::map<std::string, std::string> clusters = read_clusters(manifest);
    for (const Record& record : manifest.records) {
      const std::size_t c = class_of(manifest, record);
      if (c == filters_.size()) {
        continue;
      }
      const auto cluster = clusters.find(record.id);
      StudyCandidate candidate{.class_number = c,
                               .id = fmt::format("{}:{}", number, record.id),
                               .group = is_synthetic_ ? "" : group_of(record, config_.group),
                               .cluster = cluster != clusters.end() ? cluster->second
                                          : record.sha256.empty()   ? ""
                                                                    : "sha256:" + record.sha256};
      if (!ids_.insert(candidate.id).second) {
        fail("{}: two images have the id {:?}", manifest.root.string(), record.id);
      }
      seen_classes_.insert(c);
      candidates_.push_back(std::move(candidate));
      sources_.push_back(image_source(manifest, record));
    }
  }

  std::size_t class_of(const Manifest& manifest, const Record& record) const {
    std::size_t found = filters_.size();
    for (std::size_t c = 0; c < filters_.size(); ++c) {
      if (filters_[c](record)) {
        if (found != filters_.size()) {
          fail("{}: {} is of the classes {} and {}: expected one", manifest.root.string(), record.file_name,
               config_.classes[found].name, config_.classes[c].name);
        }
        found = c;
      }
    }
    return found;
  }

  const ReaderStudyConfig& config_;
  bool is_synthetic_;
  std::vector<StudyCandidate>& candidates_;
  std::vector<ImageSource>& sources_;
  std::vector<Filter> filters_;
  std::set<std::string> ids_;
  std::set<std::size_t> seen_classes_;
};

}  // namespace

StudyImages open_study_images(const ReaderStudyConfig& config) {
  StudyImages images;
  for (const StudyClassConfig& entry : config.classes) {
    images.candidates.classes.push_back(entry.name);
  }
  if (images.candidates.classes.empty()) {
    fail("classes: expected at least one");
  }
  Side(config, false, images.candidates.real, images.real).run();
  Side(config, true, images.candidates.synthetic, images.synthetic).run();
  return images;
}

}  // namespace medisyn
