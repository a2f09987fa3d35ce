#include "classify_grid.h"

#include "medisyn/core/interrupt.h"
#include "medisyn/core/log.h"
#include "medisyn/core/progress.h"
#include "medisyn/dist/device.h"
#include "medisyn/eval/classify/run_log.h"
#include "medisyn/train/picture_cache.h"

namespace medisyn {
namespace {

/// Trains the runs of this rank that are not finished.
class Worker {
 public:
  Worker(const ClassifyGrid& grid, const ClassifyFolder& folder, const CommonOptions& common,
         const Rank& rank)
      : grid_(grid),
        folder_(folder),
        rank_(rank),
        classes_(grid.config.class_names()),
        keys_(grid.data),
        device_(pick_device(common.device, rank.local_rank)),
        pictures_(
            grid.config.classifier.image_pixels, grid.config.classifier.fit,
            static_cast<std::int64_t>(grid.config.classifier.cache_gib * 1024 * 1024 * 1024) / rank.world) {}

  /// False when it was interrupted.
  bool run() {
    const auto done = folder_.finished(grid_.runs, keys_, classes_);
    std::vector<const GridRun*> mine;
    std::int64_t steps = 0;
    for (std::size_t i = 0; i < grid_.runs.size(); ++i) {
      const bool is_mine = static_cast<std::int64_t>(i) % rank_.world == rank_.rank;
      if (is_mine && !done.contains(grid_.runs[i].name)) {
        mine.push_back(&grid_.runs[i]);
        steps += grid_.runs[i].steps;
      }
    }
    if (!done.empty()) {
      log_info("{} of {} runs are finished already", done.size(), grid_.runs.size());
    }
    Progress progress("classify", steps, "steps");
    for (const GridRun* run : mine) {
      if (!train(*run, progress)) {
        return false;
      }
      before_ += run->steps;
    }
    progress.finish();
    return true;
  }

 private:
  bool train(const GridRun& run, Progress& progress) {
    const std::vector<LabelledImage> images = training_images(grid_.data, run);
    const auto outcome = train_classifier(
        run.classifier,
        {.train = images, .validation = grid_.data.validation, .test = grid_.data.test, .classes = classes_},
        {.device = device_,
         .pictures = &pictures_,
         .after_step = [&](std::int64_t step, std::int64_t, double loss) {
           if (rank_.rank == 0) {
             progress.update(before_ + step, fmt::format("{}, loss {:.3f}", run.name, loss));
           }
           return !interrupted();
         }});
    if (!outcome) {
      return false;
    }
    const RunResult result = score_run(run, keys_.key_of(run), *outcome, images, grid_.data.test);
    const fs::path predictions = folder_.predictions_file(run.name);
    fs::create_directories(predictions.parent_path());
    write_predictions(predictions, grid_.data.cohorts.test, classes_, outcome->scores);
    append_run(folder_.log_file(), to_json(result, classes_));
    log_info("{}: macro-AUROC {}, {} steps in {}", run.name,
             result.macro_auroc ? fmt::format("{:.4f}", *result.macro_auroc) : "absent", result.steps,
             format_duration(result.seconds));
    return true;
  }

  const ClassifyGrid& grid_;
  const ClassifyFolder& folder_;
  Rank rank_;
  std::vector<std::string> classes_;
  RunKeys keys_;
  torch::Device device_;
  PictureCache pictures_;
  std::int64_t before_ = 0;  ///< steps of the runs that are done
};

}  // namespace

bool train_classify_runs(const ClassifyGrid& grid, const ClassifyFolder& folder, const CommonOptions& common,
                         const Rank& rank) {
  return Worker(grid, folder, common, rank).run();
}

}  // namespace medisyn
