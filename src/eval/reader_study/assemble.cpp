#include "medisyn/eval/reader_study/assemble.h"

#include <set>

#include "medisyn/core/error.h"
#include "medisyn/eval/reader_study/draw.h"

namespace medisyn {
namespace {

constexpr std::size_t kIdDigits = 16;

class Assembly {
 public:
  Assembly(const StudyCandidates& candidates, const std::vector<std::string>& real_sources,
           const std::vector<std::string>& synthetic_sources, const ReaderStudyConfig& config)
      : candidates_(candidates),
        real_sources_(real_sources),
        synthetic_sources_(synthetic_sources),
        config_(config),
        names_(static_cast<std::uint64_t>(config.seed), "names") {}

  AssembledStudy run(const Design& design) {
    Study& study = made_.study;
    study.title = config_.title;
    study.instructions = config_.instructions;
    study.consent = config_.consent;
    study.allow_back = config_.allow_back;
    study.classes = candidates_.classes;
    add_part(PartKind::kPairs, config_.pairs.title, config_.pairs.instructions, design.pairs,
             design.training);
    add_part(PartKind::kSingles, config_.singles.title, config_.singles.instructions, design.singles,
             design.training);
    StudyKey& key = made_.key;
    key.seed = static_cast<std::uint64_t>(config_.seed);
    key.classes = study.classes;
    add_readers();
    study.id = sha256_hex(to_json(study).dump() + to_json(key).dump()).substr(0, kIdDigits);
    key.study_id = study.id;
    return std::move(made_);
  }

 private:
  void add_part(PartKind kind, const std::string& title, const std::vector<std::string>& instructions,
                const std::vector<DesignTrial>& trials, const std::vector<DesignTrial>& training) {
    if (trials.empty()) {
      return;
    }
    Part part{.kind = kind, .title = title, .instructions = instructions};
    for (const DesignTrial& trial : training) {
      if (trial.part == kind) {
        part.training.push_back(named(trial, fmt::format("t{:03}", ++training_)));
        part.training.back().feedback = feedback(trial);
      }
    }
    for (const DesignTrial& trial : trials) {
      const std::string id = fmt::format("{}{:03}", name_of(kind)[0], part.trials.size() + 1);
      part.trials.push_back(named(trial, id));
      made_.key.trials[id] = {.part = kind,
                              .type = trial.type,
                              .class_name = candidates_.classes[trial.class_number],
                              .images = part.trials.back().images};
    }
    made_.study.parts.push_back(std::move(part));
  }

  Trial named(const DesignTrial& trial, const std::string& id) {
    Trial made{.id = id};
    for (const DesignImage& image : trial.images) {
      made.images.push_back(add_image(image, trial.class_number));
    }
    return made;
  }

  std::string add_image(const DesignImage& image, std::size_t class_number) {
    std::string name;
    do {
      const std::uint64_t high = names_.bits();
      name = fmt::format("images/{:016x}.png", high << 32U | names_.bits());
    } while (made_.images.contains(name));
    made_.images[name] = image;
    const StudyCandidate& candidate =
        (image.is_synthetic ? candidates_.synthetic : candidates_.real).at(image.candidate);
    made_.key.images[name] = {
        .is_synthetic = image.is_synthetic,
        .class_name = candidates_.classes[class_number],
        .source = (image.is_synthetic ? synthetic_sources_ : real_sources_).at(image.candidate),
        .patient = image.is_synthetic ? "" : candidate.group,
        .cluster = candidate.cluster};
    return name;
  }

  /// "The left image is synthetic, the right one is real."
  std::string feedback(const DesignTrial& trial) const {
    const auto what = [](const DesignImage& image) { return image.is_synthetic ? "synthetic" : "real"; };
    const std::string& class_name = candidates_.classes[trial.class_number];
    return trial.images.size() == 2
               ? fmt::format("The left image is {}, the right one is {}. Both show: {}.",
                             what(trial.images[0]), what(trial.images[1]), class_name)
               : fmt::format("The image is {}. It shows: {}.", what(trial.images[0]), class_name);
  }

  void add_readers() {
    for (const auto& [group, count] : config_.readers) {
      for (std::int64_t i = 0; i < count; ++i) {
        made_.key.readers[fmt::format("R{:02}", made_.key.readers.size() + 1)] = group;
      }
    }
  }

  const StudyCandidates& candidates_;
  const std::vector<std::string>& real_sources_;
  const std::vector<std::string>& synthetic_sources_;
  const ReaderStudyConfig& config_;
  Draw names_;
  int training_ = 0;
  AssembledStudy made_;
};

}  // namespace

AssembledStudy assemble_study(const Design& design, const StudyCandidates& candidates,
                              const std::vector<std::string>& real_sources,
                              const std::vector<std::string>& synthetic_sources,
                              const ReaderStudyConfig& config) {
  return Assembly(candidates, real_sources, synthetic_sources, config).run(design);
}

}  // namespace medisyn
