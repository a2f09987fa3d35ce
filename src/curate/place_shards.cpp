#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/interrupt.h"
#include "medisyn/core/progress.h"
#include "medisyn/curate/curate.h"
#include "medisyn/curate/image_store.h"
#include "medisyn/curate/workers.h"
#include "medisyn/data/shards.h"
#include "place_images.h"

namespace medisyn {
namespace {

constexpr int kFormatVersion = 1;  ///< goes up when the same rows give another shard

struct Shard {
  std::string file;                 ///< below the output folder
  std::vector<std::size_t> images;  ///< by number
  std::string digest = {};          ///< of the rows, with the images' own hashes in them
  bool is_new = false;
};

std::string_view name_of(const Record& record) {
  return std::string_view(record.file_name).substr(record.file_name.rfind('/') + 1);
}

/// The line of a manifest without the place: a shard may be renamed.
std::string row_of(Record record) {
  record.shard = {};
  return to_json(record).dump();
}

/// Of the shards that are there: file -> digest. Without it all are written anew.
std::map<std::string, std::string> read_digests(const fs::path& out) {
  std::map<std::string, std::string> digests;
  const fs::path file = out / kShardDigests;
  Json json = fs::exists(file) ? Json::parse(read_file(file), nullptr, /*allow_exceptions=*/false) : Json();
  json = json.is_object() ? json : Json::object();
  for (const auto& [name, digest] : json.items()) {
    digests[name] = digest.is_string() ? digest.get<std::string>() : "";
  }
  return digests;
}

class ShardPlacer {
 public:
  ShardPlacer(const Placement& placement, const ShardOptions& options)
      : out_(placement.out),
        images_(placement.images),
        options_(options),
        earlier_(read_digests(out_)),
        staged_(out_ / kCommitFolder) {
    require_own_names(placement);
    plan(placement);
  }

  bool place(const std::function<void(const fs::path&)>& write_journal) {
    fs::create_directories(staged_.path() / kShardFolder);
    fs::create_directories(staged_.path() / kAsideFolder);
    Progress progress("shards", std::ssize(shards_), "shards");
    for_each_parallel(
        std::ssize(shards_), options_.threads,
        [this](std::int64_t i) { make(shards_[static_cast<std::size_t>(i)]); },
        [&](std::int64_t done) { progress.update(done); });
    progress.finish();
    const bool is_changed = needs_commit();
    if (is_changed) {
      write_digests();
      write_journal(staged_.path() / kStateFolder / Journal::kMerged);
      staged_.commit();
      end_placing(out_);
    }
    remove_what_is_left();
    return is_changed;
  }

 private:
  /// WebDataset tells samples by their names, whatever their repositories.
  void require_own_names(const Placement& placement) const {
    std::unordered_map<std::string_view, const Record*> names;
    for (std::size_t i = 0; i < images_.size(); ++i) {
      const Record& record = images_[i].record;
      if (placement.is_kept[i] == 0) {
        continue;
      }
      if (const auto [other, is_new] = names.emplace(name_of(record), &record); !is_new) {
        fail(
            "repositories {} and {} both give an image {}, which one shard cannot hold twice: give one of "
            "them another name",
            other->second->repository, record.repository, name_of(record));
      }
    }
  }

  void plan(const Placement& placement) {
    std::map<std::string, std::vector<std::size_t>> lists;
    for (std::size_t i = 0; i < images_.size(); ++i) {
      const std::string side = std::string(kShardFolder) + "/" + images_[i].record.split + "-";
      lists[placement.is_kept[i] != 0 ? side : std::string(kAsideFolder) + "/"].push_back(i);
    }
    for (const auto& [prefix, list] : lists) {
      for (std::size_t i = 0; i < list.size(); ++i) {
        if (i % static_cast<std::size_t>(options_.images) == 0) {
          shards_.push_back(
              {.file = shard_name(prefix, static_cast<std::int64_t>(i) / options_.images), .images = {}});
        }
        shards_.back().images.push_back(list[i]);
      }
    }
  }

  void make(Shard& shard) {
    std::vector<std::string> rows;
    std::string all = std::to_string(kFormatVersion);
    for (const std::size_t image : shard.images) {
      rows.push_back(row_of(images_[image].record));
      all += "\n" + rows.back();
    }
    shard.digest = sha256_hex(all);
    if (!stays(shard)) {
      write(shard, rows);
    }
  }

  bool stays(const Shard& shard) const {
    const auto found = earlier_.find(shard.file);
    const auto is_there = [&](std::size_t image) {
      const auto source = find_image(out_, images_[image]);
      return source && source->is_part() && images_[image].record.shard.file == shard.file;
    };
    return found != earlier_.end() && found->second == shard.digest &&
           std::all_of(shard.images.begin(), shard.images.end(), is_there);
  }

  void write(Shard& shard, const std::vector<std::string>& rows) {
    TarWriter tar(staged_.path() / shard.file);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (interrupted()) {
        throw CurateInterrupted();
      }
      CuratedImage& image = images_[shard.images[i]];
      const std::string bytes = checked_bytes(image);
      const std::uint64_t begin =
          add_sample(tar, std::string(name_of(image.record)), bytes, rows[i], image.record.text);
      image.record.shard = {.file = shard.file, .begin = begin, .bytes = bytes.size()};
    }
    tar.commit();
    shard.is_new = true;
  }

  std::string checked_bytes(const CuratedImage& image) const {
    const auto source = find_image(out_, image);
    if (!source) {
      fail("{}: the image {} is gone: run the command again", out_.string(), image.record.id);
    }
    std::string bytes = read_bytes(*source);
    if (sha256_hex(bytes) != image.record.sha256) {
      fail("{}: is not as it was written (SHA-256): remove {} and run the command again", source->name(),
           source->file.string());
    }
    return bytes;
  }

  bool needs_commit() const {
    return shards_.size() != earlier_.size() ||
           std::any_of(shards_.begin(), shards_.end(), [](const Shard& shard) { return shard.is_new; });
  }

  void write_digests() const {
    Json digests = Json::object();
    for (const Shard& shard : shards_) {
      digests[shard.file] = shard.digest;
    }
    fs::create_directories(staged_.path() / kStateFolder);
    write_file(staged_.path() / kShardDigests, digests.dump(1) + "\n");
  }

  void remove_what_is_left() const {
    std::unordered_set<std::string> known;
    for (const Shard& shard : shards_) {
      known.insert((out_ / shard.file).string());
    }
    remove_others(out_ / kShardFolder, known);
    remove_others(out_ / kAsideFolder, known);
    fs::remove_all(out_ / "images");
    fs::remove_all(out_ / kSpoolFolder);
  }

  fs::path out_;
  std::vector<CuratedImage>& images_;
  ShardOptions options_;
  std::map<std::string, std::string> earlier_;
  TemporaryFolder staged_;
  std::vector<Shard> shards_;
};

}  // namespace

bool place_as_shards(const Placement& placement, const ShardOptions& options,
                     const std::function<void(const fs::path&)>& write_journal) {
  return ShardPlacer(placement, options).place(write_journal);
}

}  // namespace medisyn
