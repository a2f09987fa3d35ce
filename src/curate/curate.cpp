#include "medisyn/curate/curate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <set>
#include <utility>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/core/progress.h"
#include "medisyn/curate/collector.h"
#include "medisyn/curate/source.h"

namespace medisyn {
namespace {
/// Patients with images on more than one side. Allowed only where the config holds out a part of one subject.
std::vector<std::string> shared_patients(const CurateConfig& config, const std::vector<Record>& records) {
  std::set<std::string> may_share;
  for (const RepositoryConfig& repository : config.repositories) {
    if (repository.split.rule == "frames" || repository.split.rule == "region") {
      may_share.insert(repository.source);
    }
  }
  std::map<std::string, std::set<std::string>> sides;
  std::set<std::string> shared;
  for (const Record& record : records) {
    std::set<std::string>& own = sides[record.patient_id];
    own.insert(record.split);
    if (own.size() > 1) {
      shared.insert(record.patient_id);
      if (!may_share.contains(record.source)) {
        fail("patient {}: stands in {}; give its repositories one split", record.patient_id,
             fmt::join(own, " and in "));
      }
    }
  }
  return {shared.begin(), shared.end()};
}

void add_inputs(const CurateConfig& config, RunRecord& record) {
  std::set<fs::path> paths;
  for (const RepositoryConfig& repository : config.repositories) {
    paths.insert(config.root / repository.path);
    if (repository.label_volume) {
      paths.insert(config.root / repository.label_volume->path);
    }
  }
  for (const fs::path& path : paths) {
    record.add_input(path);
  }
}

void add_one(Json& table, const std::string& row, const std::string& column) {
  Json& cell = table[row][column];
  cell = cell.is_null() ? 1 : cell.get<std::int64_t>() + 1;
}

}  // namespace

Json count_records(const std::vector<Record>& records) {
  Json by_type = Json::object();
  Json by_specialty = Json::object();
  Json by_source = Json::object();
  Json by_split = Json::object();
  std::set<std::string> captions;
  std::set<std::string> patients;
  for (const Record& record : records) {
    add_one(by_type, record.image_type, record.split);
    add_one(by_specialty, record.specialty, record.split);
    add_one(by_source, record.source, record.split);
    Json& total = by_split[record.split];
    total = total.is_null() ? 1 : total.get<std::int64_t>() + 1;
    captions.insert(record.text);
    patients.insert(record.patient_id);
  }
  return {{"images", records.size()}, {"captions", captions.size()}, {"patients", patients.size()},
          {"splits", by_split},       {"by_image_type", by_type},    {"by_specialty", by_specialty},
          {"by_source", by_source}};
}

void curate(const CurateConfig& config, const fs::path& out, RunRecord& record) {
  check_curate_config(config);
  const OutputFolder claimed(out);
  if (!fs::is_empty(out)) {
    fail("{}: expected a new or empty folder, found files in it: choose another --out", out.string());
  }
  TemporaryFolder folder(out);
  Collector collector(config, folder.path());
  Progress progress("curate", static_cast<std::int64_t>(config.repositories.size()), "repositories");
  for (std::size_t i = 0; i < config.repositories.size(); ++i) {
    const RepositoryConfig& repository = config.repositories[i];
    progress.update(static_cast<std::int64_t>(i), repository.name);
    read_repository(config, repository, collector);
    progress.update(static_cast<std::int64_t>(i) + 1, fmt::format("{} images", collector.records().size()));
  }
  progress.finish();
  if (collector.records().empty()) {
    fail("{}: no image is left: {}", out.string(), collector.left_out()["skipped"].dump());
  }
  write_manifest(folder.path(), {folder.path(), collector.records()});
  write_config_yaml(folder.path() / "config.yaml", config);
  add_inputs(config, record);
  record.config = config_to_json(config);
  record.metrics = count_records(collector.records());
  record.metrics["patients_on_both_sides"] = shared_patients(config, collector.records());
  record.metrics.update(collector.left_out());
  record.write(folder.path());
  folder.commit();
}

}  // namespace medisyn
