#include "medisyn/curate/curate.h"

#include <fmt/format.h>

#include <algorithm>

#include "finish.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/interrupt.h"
#include "medisyn/core/log.h"
#include "medisyn/core/progress.h"
#include "medisyn/core/random_key.h"
#include "medisyn/curate/image_store.h"
#include "medisyn/curate/make_item.h"
#include "medisyn/curate/workers.h"
#include "place_images.h"

namespace medisyn {
namespace {

/// A new or empty folder, or one that this command made before.
void require_own_folder(const fs::path& out) {
  fs::create_directories(out);
  if (!fs::is_empty(out) && !fs::exists(out / kStateFolder)) {
    fail(
        "{}: expected a new or empty folder, or one of an earlier medisyn curate, found other files in it: "
        "choose "
        "another --out",
        out.string());
  }
}

class CurateRun {
 public:
  CurateRun(const CurateConfig& config, fs::path out, Communicator& ranks, std::int64_t threads)
      : config_(config),
        out_(std::move(out)),
        ranks_(ranks),
        threads_(threads),
        journal_(out_ / kStateFolder, ranks.rank().rank),
        store_(out_, ranks.rank().rank, config.shards.has_value()) {}

  /// Makes this rank's share of what is missing; gives all items of all repositories, in order.
  std::vector<RepositoryItems> make() {
    std::vector<RepositoryItems> all;
    for (const RepositoryConfig& repository : config_.repositories) {
      ranks_.set_phase(fmt::format("repository {}", repository.name));
      all.push_back(make_repository(repository));
    }
    return all;
  }

  Journal& journal() { return journal_; }

 private:
  RepositoryItems make_repository(const RepositoryConfig& repository) {
    RepositoryItems listed{.repository = &repository};
    const std::vector<Item> items = list_items(config_, repository, listed.filtered_out);
    const std::string key = repository_key(config_, repository);
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < items.size(); ++i) {
      listed.keys.push_back(item_key(key, config_, repository, items[i]));
      if (is_mine(items[i]) && !is_made(listed.keys[i])) {
        missing.push_back(i);
      }
    }
    if (!config_.shards) {
      fs::create_directories(out_ / "images" / repository.name);
    }
    make_items(repository, items, listed.keys, missing);
    check_rejected(repository, items, listed.keys);
    return listed;
  }

  bool is_mine(const Item& item) const {
    return hash_text(item.id) % static_cast<std::uint64_t>(ranks_.world()) ==
           static_cast<std::uint64_t>(ranks_.rank().rank);
  }

  /// In the journal, with every image as long as it was written: after a power cut one may be empty.
  bool is_made(const std::string& key) const {
    if (!journal_.contains(key)) {
      return false;
    }
    const ItemResult result = journal_.read(key);
    return std::all_of(result.images.begin(), result.images.end(),
                       [&](const CuratedImage& image) { return find_image(out_, image).has_value(); });
  }

  void make_items(const RepositoryConfig& repository, const std::vector<Item>& items,
                  const std::vector<std::string>& keys, const std::vector<std::size_t>& missing) {
    if (missing.empty()) {
      return;
    }
    const Describer describer(repository);
    Progress progress(repository.name, std::ssize(missing), "files");
    for_each_parallel(
        std::ssize(missing), threads_,
        [&](std::int64_t i) {
          const std::size_t item = missing[static_cast<std::size_t>(i)];
          const ItemResult result =
              make_item(config_, repository, describer, items[item], keys[item], store_);
          if (!result.rejected.empty()) {
            log_warning("skipped: {}", result.rejected);
          }
          journal_.add(result);
        },
        [&](std::int64_t done) {
          progress.update(done);
          if (interrupted()) {
            throw CurateInterrupted();
          }
        });
    progress.finish();
    journal_.reread();
  }

  void check_rejected(const RepositoryConfig& repository, const std::vector<Item>& items,
                      const std::vector<std::string>& keys) const {
    std::int64_t own = 0, rejected = 0;
    std::string last;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (is_mine(items[i])) {
        ++own;
        if (journal_.is_rejected(keys[i])) {
          ++rejected;
          last = keys[i];
        }
      }
    }
    if (static_cast<double>(rejected) > config_.max_bad_fraction * static_cast<double>(own)) {
      fail("repository {}: {} of {} files cannot be read, more than max_bad_fraction {} allows; the last: {}",
           repository.name, rejected, own, config_.max_bad_fraction, journal_.read(last).rejected);
    }
  }

  const CurateConfig& config_;
  fs::path out_;
  Communicator& ranks_;
  std::int64_t threads_;
  Journal journal_;
  ImageStore store_;
};

}  // namespace

void curate(const CurateConfig& config, const fs::path& out, Communicator& ranks, std::int64_t threads,
            RunRecord& record) {
  check_curate_config(config);
  if (ranks.is_first()) {
    require_own_folder(out);
    end_placing(out);
  }
  ranks.barrier();
  CurateRun run(config, out, ranks, threads);
  const std::vector<RepositoryItems> items = run.make();
  ranks.set_phase("waiting for the other ranks' files");
  ranks.barrier();
  if (ranks.is_first()) {
    ranks.set_phase("duplicates, split and audit");
    run.journal().reread();
    finish_curation(config, out, items, run.journal(), threads, record);
  }
  ranks.barrier();
}

}  // namespace medisyn
