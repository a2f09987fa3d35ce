#include <chrono>
#include <set>

#include "medisyn/cli/eval_commands.h"
#include "medisyn/cli/reader_study_commands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/core/progress.h"
#include "medisyn/dist/device.h"
#include "medisyn/eval/reader_study/assemble.h"
#include "medisyn/eval/reader_study/leak_check.h"
#include "medisyn/eval/reader_study/page.h"
#include "medisyn/eval/reader_study/stored_png.h"
#include "medisyn/features/neighbours.h"
#include "medisyn/io/csv.h"
#include "medisyn/io/resize.h"
#include "medisyn/report/table.h"
#include "reader_study_candidates.h"

namespace medisyn {
namespace {

torch::Tensor features_of(const Extractor& extractor, const std::vector<ImageSource>& sources,
                          const std::vector<std::size_t>& chosen, const std::string& label,
                          torch::Device device, const fs::path& cache) {
  std::vector<ImageSource> images;
  for (const std::size_t i : chosen) {
    images.push_back(sources[i]);
  }
  return extract_features(extractor, images, label, device, {.cache = cache});
}

/// Neighbours by cosine of features, which are made for the images that are asked for alone.
RankPartners rank_by_features(const Extractor& extractor, const StudyImages& images, torch::Device device,
                              const fs::path& cache) {
  return [&extractor, &images, device, cache](const std::vector<std::size_t>& anchors,
                                              const std::vector<std::size_t>& allowed, std::size_t k) {
    const Neighbours found =
        nearest_by_cosine(features_of(extractor, images.real, anchors, "real", device, cache),
                          features_of(extractor, images.synthetic, allowed, "synthetic", device, cache),
                          static_cast<std::int64_t>(k));
    const auto indices = found.indices.accessor<std::int64_t, 2>();
    const auto similarity = found.similarity.accessor<float, 2>();
    std::vector<RankedPartner> ranked;
    for (std::size_t a = 0; a < anchors.size(); ++a) {
      for (std::size_t j = 0; j < k; ++j) {
        const auto row = static_cast<std::int64_t>(a), column = static_cast<std::int64_t>(j);
        ranked.push_back({a, static_cast<std::size_t>(indices[row][column]), similarity[row][column]});
      }
    }
    return ranked;
  };
}

std::vector<std::string> names_of(const std::vector<ImageSource>& sources) {
  std::vector<std::string> names;
  for (const ImageSource& source : sources) {
    names.push_back(source.name());
  }
  return names;
}

/// One time for every file: that of the writing would tell the order.
void set_times(const fs::path& folder) {
  using std::chrono::sys_days;
  const auto time =
      std::chrono::file_clock::from_sys(std::chrono::sys_seconds(sys_days{std::chrono::year{2000} / 1 / 1}));
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    fs::last_write_time(entry.path(), time);
  }
}

/// Sizes in pixels as they are before all become one; readers see a difference as blur.
std::string size_of(const Image& image) { return fmt::format("{}x{}", image.width, image.height); }

void write_images(const fs::path& folder, const AssembledStudy& made, const StudyImages& images,
                  std::int64_t pixels) {
  fs::create_directories(folder / "images");
  std::set<std::string> real_sizes, synthetic_sizes;
  Progress progress("images", std::ssize(made.images), "images");
  std::int64_t done = 0;
  for (const auto& [name, image] : made.images) {  // by name, which is random: so is the order of writing
    const Image picture =
        read_image((image.is_synthetic ? images.synthetic : images.real).at(image.candidate));
    (image.is_synthetic ? synthetic_sizes : real_sizes).insert(size_of(picture));
    write_file(folder / name, encode_stored_png(resize_and_crop(picture, static_cast<int>(pixels))),
               Sync::kNone);
    progress.update(++done);
  }
  progress.finish();
  if (real_sizes != synthetic_sizes) {
    log_warning(
        "real images are of {} and synthetic ones of {}{} pixels before they are resized: sharpness may tell "
        "them apart",
        *real_sizes.begin(), synthetic_sizes.empty() ? "" : *synthetic_sizes.begin(),
        real_sizes.size() + synthetic_sizes.size() > 2 ? " and other" : "");
  }
}

std::vector<std::vector<std::string>> design_rows(const AssembledStudy& made, const StudyImages& images) {
  std::vector<std::vector<std::string>> rows;
  for (const Part& part : made.study.parts) {
    for (const auto* trials : {&part.training, &part.trials}) {
      for (const Trial& trial : *trials) {
        for (const std::string& name : trial.images) {
          const DesignImage& image = made.images.at(name);
          const KeyImage& key = made.key.images.at(name);
          rows.push_back({std::string(name_of(part.kind)), trial.id, name, key.class_name,
                          key.is_synthetic ? "1" : "0", key.source, key.patient, key.cluster,
                          image.is_synthetic ? images.real.at(image.anchor).name() : "",
                          image.is_synthetic ? fmt::format("{:.6f}", image.cosine) : ""});
        }
      }
    }
  }
  return rows;
}

Json leaks_to_json(const std::vector<LeakTest>& leaks) {
  Json json = Json::object();
  for (const LeakTest& leak : leaks) {
    json[leak.property] = {{"auroc", leak.auroc}, {"p", leak.p}};
  }
  return json;
}

struct ExportedDesign {
  AssembledStudy made;
  GroupSpread spread;
};

void require_trials(const DesignCounts& counts) {
  if (counts.real_real + counts.synthetic_synthetic + counts.mixed + counts.real + counts.synthetic == 0) {
    fail("pairs and singles: expected at least one trial, found none: all counts are 0");
  }
}

ExportedDesign draw_design(const ReaderStudyConfig& config, const StudyImages& images,
                           const CommonOptions& common, RunRecord& record) {
  const torch::Device device = pick_device(common.device);
  const Extractor extractor = open_extractor(
      {.name = config.features.extractor, .weights = config.features.weights, .mode = ""}, common, device);
  const Design design = make_design(config.counts(), images.candidates,
                                    rank_by_features(extractor, images, device, config.features.cache),
                                    static_cast<std::uint64_t>(config.seed));
  if (const std::string fault = fault_of(design, config.counts(), images.candidates); !fault.empty()) {
    throw std::logic_error("the drawn design does not hold: " + fault);
  }
  record.metrics = describe(extractor);
  return {
      assemble_study(design, images.candidates, names_of(images.real), names_of(images.synthetic), config),
      group_spread(design, images.candidates)};
}

void describe_design(const ExportedDesign& design, RunRecord& record) {
  const GroupSpread& spread = design.spread;
  Json trials = Json::object();
  for (const auto& [id, trial] : design.made.key.trials) {
    const std::string name = fmt::format("{} {}", name_of(trial.part), name_of(trial.type));
    trials[name] = trials.value(name, 0) + 1;
  }
  record.metrics.update({{"study_id", design.made.study.id},
                         {"trials", trials},
                         {"images", design.made.images.size()},
                         {"real_images", spread.images},
                         {"groups", spread.groups},
                         {"most_of_one_group", spread.most},
                         {"fullest_group", spread.fullest}});
}

/// Everything under a temporary name, then one rename.
std::vector<LeakTest> write_study(const fs::path& out, const AssembledStudy& made, const StudyImages& images,
                                  const ReaderStudyConfig& config, RunRecord& record) {
  if (fs::exists(out) && !(fs::is_directory(out) && fs::is_empty(out))) {
    fail("{}: is there already: choose another --out or remove it", out.string());
  }
  TemporaryFolder folder(out);
  const fs::path study = folder.path() / "study";
  write_images(study, made, images, config.image_pixels);
  write_file(study / "study.json", to_json(made.study).dump(1) + "\n", Sync::kNone);
  write_file(study / "index.html", reader_study_page(made.study, /*served=*/false), Sync::kNone);
  set_times(study);
  const std::vector<LeakTest> leaks = leak_tests(study, made.study, made.key);
  require_no_leak(leaks);
  write_file(folder.path() / "key.json", to_json(made.key).dump(1) + "\n", Sync::kNone);
  write_csv(folder.path() / "design.csv",
            {"part", "trial", "image", "class", "synthetic", "source", "patient", "cluster", "neighbour_of",
             "cosine"},
            design_rows(made, images));
  record.metrics["leak_check"] = leaks_to_json(leaks);
  record.write(folder.path());
  folder.commit();
  return leaks;
}

std::string summary_of(const ExportedDesign& design, const std::vector<LeakTest>& leaks,
                       const CommonOptions& common) {
  const GroupSpread& spread = design.spread;
  std::string text = fmt::format(
      "Study {}: {} trials, {} images; {} real ones of {} patients or videos, at most {} of one ({})\n",
      design.made.study.id, design.made.key.trials.size(), design.made.images.size(), spread.images,
      spread.groups, spread.most, spread.fullest);
  if (leaks.empty()) {
    return text + "Dry run: nothing was written\n";
  }
  std::vector<std::vector<std::string>> rows;
  for (const LeakTest& leak : leaks) {
    rows.push_back({leak.property, fmt::format("{:.3f}", leak.auroc), fmt::format("{:.3f}", leak.p)});
  }
  return text + "\n" + text_table({"synthetic or real, by", "AUROC", "p"}, rows) +
         fmt::format("\nFor readers: {}\nKept apart: {}\n", (common.out / "study").string(),
                     (common.out / "key.json").string());
}

}  // namespace

int reader_study_export_command(int argc, char** argv) {
  CLI::App app("Draws a reader study's images, pairs and sequence, and writes its folder and its key");
  CommonOptions common;
  fs::path config_name;
  app.add_option("--config", config_name, "The study's YAML, as configs/reader_study/surgery.yaml")
      ->required();
  add_common_options(app, common, kTakesOut | kTakesSet | kTakesDevice | kTakesSeed | kTakesDryRun);
  if (const auto code = parse_options(app, common, argc, argv)) {
    return *code;
  }
  if (common.out.empty() && !common.dry_run) {
    fail("{}: --out DIR is needed: the folder of the study and its key", argv[0]);
  }
  RunRecord record(argv[0]);
  auto config = read_config<ReaderStudyConfig>(find_config(config_name), common.set);
  if (app.count("--seed") > 0) {
    config.seed = static_cast<std::int64_t>(common.seed);
  }
  record.config = config_to_json(config);
  require_trials(config.counts());
  check_extractor(config.features.extractor, config.features.weights, "");
  const StudyImages images = open_study_images(config);
  const ExportedDesign design = draw_design(config, images, common, record);
  describe_design(design, record);
  for (const auto* list : {&config.real.images, &config.synthetic.images}) {
    for (const fs::path& input : *list) {
      record.add_input(input);
    }
  }
  std::vector<LeakTest> leaks;
  if (!common.dry_run) {
    leaks = write_study(common.out, design.made, images, config, record);
  }
  if (common.json) {
    fmt::print("{}\n", record.to_json().dump());
  } else {
    fmt::print("{}", summary_of(design, leaks, common));
  }
  return 0;
}

}  // namespace medisyn
