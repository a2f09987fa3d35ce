#include "finish.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "finish_audit.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/curate/assign_split.h"
#include "medisyn/curate/curate.h"
#include "medisyn/curate/duplicates.h"
#include "medisyn/curate/image_store.h"
#include "medisyn/curate/side.h"
#include "medisyn/features/extractor.h"
#include "place_images.h"

namespace medisyn {
namespace {

/// Images in a fixed order, with the repository of each.
struct Gathered {
  std::vector<CuratedImage> images;
  std::vector<const RepositoryConfig*> repositories;
  std::map<std::string, std::int64_t> left_out;  ///< by reason
  std::vector<RejectedFile> rejected;
};

Gathered gather(const std::vector<RepositoryItems>& items, const Journal& journal) {
  Gathered all;
  for (const RepositoryItems& listed : items) {
    if (listed.filtered_out > 0) {
      all.left_out["left out by where"] += listed.filtered_out;
    }
    for (const std::string& key : listed.keys) {
      ItemResult result = journal.read(key);
      for (const auto& [reason, count] : result.skipped) {
        all.left_out[reason] += count;
      }
      if (!result.rejected.empty()) {
        all.rejected.push_back(
            {.repository = listed.repository->name, .file = result.item, .reason = result.rejected});
      }
      for (CuratedImage& image : result.images) {
        all.images.push_back(std::move(image));
        all.repositories.push_back(listed.repository);
      }
    }
  }
  return all;
}

class Finish {
 public:
  Finish(const CurateConfig& config, const fs::path& out, Gathered gathered, std::int64_t threads)
      : config_(config), out_(out), all_(std::move(gathered)), threads_(threads) {}

  /// `keys`: of all items, in order.
  void run(const std::vector<std::string>& keys, Journal& journal, RunRecord& record) {
    if (all_.images.empty()) {
      fail("{}: no image is left: {}", out_.string(), Json(all_.left_out).dump());
    }
    search_ = find_duplicates(facts(), config_.duplicates, embeddings());
    split_ = divide();
    for (std::size_t i = 0; i < all_.images.size(); ++i) {
      const bool stays = search_.is_kept[i] != 0 && !all_.images[i].record.split.empty();
      is_kept_.push_back(stays ? 1 : 0);
    }
    place_images(keys, journal);
    write(record);
  }

 private:
  std::vector<DuplicateFacts> facts() const {
    std::vector<DuplicateFacts> facts;
    for (std::size_t i = 0; i < all_.images.size(); ++i) {
      const CuratedImage& image = all_.images[i];
      const auto& own = all_.repositories[i]->near_duplicates;
      facts.push_back({.pixels = image.pixels,
                       .hash = &image.hash,
                       .video_id = image.record.video_id,
                       .seconds = image.seconds,
                       .policy = own ? &*own : &config_.duplicates.near});
    }
    return facts;
  }

  /// [N, D], or undefined where the config names no extractor.
  torch::Tensor embeddings() const {
    if (!config_.duplicates.embedding) {
      return {};
    }
    const auto& [extractor, weights, min_cosine] = *config_.duplicates.embedding;
    std::vector<ImageSource> images;
    for (const CuratedImage& image : all_.images) {
      images.push_back(source_of(image));
    }
    return extract_features(load_extractor(extractor, weights, torch::kCPU), images, "images", torch::kCPU);
  }

  ImageSource source_of(const CuratedImage& image) const {
    return find_image(out_, image).value_or(image_source({out_, {}}, image.record));
  }

  /// Fills group and side of all images, those that are left out as well: a copy ties its patient to the
  /// other's.
  SplitReport divide() {
    std::vector<Record> records;
    std::vector<SplitLink> links;
    for (std::size_t i = 0; i < all_.images.size(); ++i) {
      records.push_back(std::move(all_.images[i].record));
      // Two black pictures say nothing about their patients.
      const bool is_blank = thumbnail_deviation(all_.images[i].hash) < kBlankDeviation;
      links.push_back({.cluster = is_blank ? -1 : search_.cluster[i],
                       .is_part = divides_subjects(all_.repositories[i]->split),
                       .is_left_out = search_.is_kept[i] == 0});
    }
    const fs::path manifest = earlier_manifest(out_);
    const auto earlier = manifest.empty() ? std::vector<Record>() : read_manifest(manifest).records;
    SplitReport report = assign_split(
        records, links, earlier,
        {.ratio = config_.split.ratio,
         .seed = static_cast<std::uint64_t>(config_.split.seed),
         .on_conflict = config_.split.on_conflict == "drop" ? OnConflict::kDrop : OnConflict::kError});
    for (std::size_t i = 0; i < records.size(); ++i) {
      all_.images[i].record = std::move(records[i]);
    }
    for (const GroupMove& move : report.moves) {
      log_warning("group {}: {} image(s) move from {} to {}, because new images tie it to others ({})",
                  move.group_id, move.images, move.from, move.to, move.first);
    }
    return report;
  }

  void place_images(const std::vector<std::string>& keys, Journal& journal) {
    const Placement placement{.out = out_, .images = all_.images, .is_kept = is_kept_};
    if (!config_.shards) {
      const bool is_changed = place_as_files(placement);
      journal.keep(keys, is_changed ? new_places() : Journal::Adapt());
    } else if (!place_as_shards(placement, {.images = config_.shards->images, .threads = threads_},
                                [&](const fs::path& file) { journal.write(file, keys, new_places()); })) {
      journal.keep(keys);
    }
  }

  /// The lines come in the order of all images.
  Journal::Adapt new_places() const {
    return [this, next = std::size_t{0}](ItemResult& result) mutable {
      for (CuratedImage& image : result.images) {
        image.record.shard = all_.images[next++].record.shard;
      }
    };
  }

  /// The members of each cluster, with the file that shows them.
  std::vector<DuplicateCluster> clusters() const {
    std::map<std::int64_t, DuplicateCluster> by_number;
    std::map<std::int64_t, std::set<std::string_view>> patients;
    for (std::size_t i = 0; i < all_.images.size(); ++i) {
      const Record& record = all_.images[i].record;
      if (search_.cluster[i] < 0) {
        continue;
      }
      by_number[search_.cluster[i]].members.push_back({.id = record.id,
                                                       .repository = record.repository,
                                                       .is_kept = is_kept_[i] != 0,
                                                       .is_exact_copy = search_.is_exact_copy[i] != 0,
                                                       .picture = source_of(all_.images[i])});
      patients[search_.cluster[i]].insert(record.patient_id);
    }
    std::vector<DuplicateCluster> list;
    for (auto& [number, cluster] : by_number) {
      cluster.patients = std::ssize(patients[number]);
      list.push_back(std::move(cluster));
    }
    return list;
  }

  Json duplicates() const {
    return {{"exact_copies", search_.exact_copies},
            {"near_left_out", search_.left_out},
            {"clusters", search_.clusters},
            {"near", search_.near_duplicates},
            {"blank", search_.blank},
            {"unchecked", search_.unchecked}};
  }

  void write(RunRecord& record) {
    if (!split_.dropped.empty()) {
      all_.left_out["its group stands on another side (split.on_conflict)"] = std::ssize(split_.dropped);
    }
    Manifest manifest{out_, {}};
    for (std::size_t i = 0; i < all_.images.size(); ++i) {
      if (is_kept_[i] != 0) {
        manifest.records.push_back(all_.images[i].record);
      }
    }
    write_manifest(out_, manifest);
    forget_earlier_manifest(out_);
    write_audit(config_, out_, manifest,
                {.rejected = all_.rejected, .skipped = all_.left_out, .duplicates = clusters()}, threads_);
    write_config_yaml(out_ / "config.yaml", config_);
    record.config = config_to_json(config_);
    record.metrics = count_records(manifest.records);
    record.metrics["groups"] = split_.groups;
    record.metrics["groups_moved"] = split_.moves.size();
    record.metrics["duplicates"] = duplicates();
    record.metrics["skipped"] = all_.left_out;
    record.metrics["bad_files"] = bad_files();
    record.write(out_);
  }

  Json bad_files() const {
    Json list = Json::array();
    for (const RejectedFile& file : all_.rejected) {
      list.push_back({{"repository", file.repository}, {"file", file.file}, {"reason", file.reason}});
    }
    return list;
  }

  const CurateConfig& config_;
  const fs::path& out_;
  Gathered all_;
  std::int64_t threads_;
  DuplicateSearch search_;
  SplitReport split_;
  std::vector<std::uint8_t> is_kept_;  ///< in the data set
};

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

/// Patients on more than one side, which only a config that holds out a part of a subject brings about.
std::vector<std::string> shared_patients(const std::vector<Record>& records) {
  std::map<std::string, std::set<std::string>> sides;
  for (const Record& record : records) {
    sides[record.patient_id].insert(record.split);
  }
  std::vector<std::string> shared;
  for (const auto& [patient, on] : sides) {
    if (on.size() > 1) {
      shared.push_back(patient);
    }
  }
  return shared;
}

}  // namespace

Json count_records(const std::vector<Record>& records) {
  Json by_type = Json::object(), by_specialty = Json::object(), by_repository = Json::object(),
       by_split = Json::object();
  std::set<std::string> captions, patients;
  for (const Record& record : records) {
    add_one(by_type, record.image_type, record.split);
    add_one(by_specialty, record.specialty, record.split);
    add_one(by_repository, record.repository, record.split);
    Json& total = by_split[record.split];
    total = total.is_null() ? 1 : total.get<std::int64_t>() + 1;
    captions.insert(record.text);
    patients.insert(record.patient_id);
  }
  return {{"images", records.size()},       {"captions", captions.size()},
          {"patients", patients.size()},    {"splits", by_split},
          {"by_image_type", by_type},       {"by_specialty", by_specialty},
          {"by_repository", by_repository}, {"patients_on_both_sides", shared_patients(records)}};
}

void finish_curation(const CurateConfig& config, const fs::path& out,
                     const std::vector<RepositoryItems>& items, Journal& journal, std::int64_t threads,
                     RunRecord& record) {
  at::set_num_threads(
      static_cast<int>(threads));  // no file is read any more: products and searches have them
  add_inputs(config, record);
  std::vector<std::string> keys;
  for (const RepositoryItems& listed : items) {
    keys.insert(keys.end(), listed.keys.begin(), listed.keys.end());
  }
  Finish(config, out, gather(items, journal), threads).run(keys, journal, record);
}

}  // namespace medisyn
