#include "medisyn/eval/classify/plan.h"

#include <algorithm>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/eval/classify/subsets.h"

namespace medisyn {
namespace {

bool needs_synthetic(const ClassifyConfig& config) {
  return config.sources != std::vector<std::string>{"real"};
}

std::vector<GridPart> draw_parts(const Cohort& train, const ClassifyConfig& config) {
  std::vector<SubsetItem> items;
  const std::vector<std::string> classes = config.class_names();
  for (std::size_t i = 0; i < train.targets.size(); ++i) {
    const Record& record = train.manifest.records[i];
    items.push_back({record.id, combination_of(train.targets[i], classes),
                     !record.group_id.empty()     ? record.group_id
                     : !record.patient_id.empty() ? record.patient_id
                                                  : record.id});
  }
  const ClassifySubsetsConfig& subsets = config.subsets;
  if (!subsets.sizes.empty() && subsets.fractions.back() == 100 &&
      subsets.sizes.back() != std::ssize(items)) {
    log_warning("subsets.sizes: {} images for 100 %, and the training set has {}: all are taken",
                subsets.sizes.back(), items.size());
  }
  std::vector<GridPart> parts;
  for (std::size_t s = 0; s < (subsets.per_seed ? config.seeds.size() : 1); ++s) {
    const std::uint64_t seed =
        static_cast<std::uint64_t>(subsets.seed + (subsets.per_seed ? config.seeds[s] : 0));
    std::vector<std::vector<std::size_t>> drawn = draw_subsets(items, subsets, seed);
    for (std::size_t f = 0; f < drawn.size(); ++f) {
      if (drawn[f].empty()) {
        fail("subsets: {} % of {} training images are none: take a larger fraction or another rounding",
             subsets.fractions[f], items.size());
      }
      parts.push_back(
          {.fraction = subsets.fractions[f], .seed = config.seeds[s], .real = std::move(drawn[f])});
    }
  }
  return parts;
}

/// The pools of the config, and which parts each serves.
std::vector<PoolSource> pool_sources(std::vector<GridPart>& parts, const ClassifyConfig& config) {
  std::vector<PoolSource> sources;
  if (!needs_synthetic(config)) {
    return sources;
  }
  const auto& by_fraction = config.synthetic.by_fraction;
  if (by_fraction.empty()) {
    sources.push_back({.images = config.synthetic.images, .model = config.synthetic.model});
  }
  for (const ClassifyPoolConfig& one : by_fraction) {
    sources.push_back({.images = one.images, .model = one.model});
  }
  for (std::size_t p = 0; p < parts.size(); ++p) {
    for (std::size_t s = 0; s < by_fraction.size(); ++s) {
      parts[p].pool = by_fraction[s].fraction == parts[p].fraction ? s : parts[p].pool;
    }
    sources[parts[p].pool].parts.push_back(p);
  }
  return sources;
}

/// The generators of a pool: that of its model, and those of its images.
std::vector<GeneratorData> generators_of(const PoolSource& source) {
  std::vector<GeneratorData> generators;
  for (const fs::path& folder : source.images) {
    generators.push_back(generator_data(folder));
  }
  if (!source.model.empty()) {
    generators.push_back(generator_data(source.model));
  }
  return generators;
}

void add_leak(GridData& data, const GeneratorData& generator, const std::string& side, const Cohort& cohort) {
  const std::string name = "the training set of the generator " + generator.name;
  if (generator.training) {
    data.leaks.push_back(check_leak(name, *generator.training, side, cohort.manifest));
  } else {
    data.leaks.push_back({.first = name, .second = side, .why_unknown = generator.why_unknown});
  }
}

/// Runs of one source and match over parts and seeds.
void add_runs(std::vector<GridRun>& runs, const GridData& data, const ClassifyConfig& config,
              const std::string& source, const std::string& match) {
  for (const std::int64_t seed : config.seeds) {
    for (std::size_t p = 0; p < data.parts.size(); ++p) {
      const GridPart& part = data.parts[p];
      if (config.subsets.per_seed && part.seed != seed) {
        continue;
      }
      const std::int64_t real = std::ssize(part.real);
      GridRun run{.name = fmt::format("{}-{}-{}seed{}", source, part.fraction,
                                      match == "steps" ? "steps-" : "", seed),
                  .source = source,
                  .match = match,
                  .fraction = part.fraction,
                  .seed = seed,
                  .part = p,
                  .images = source == "real+synthetic" ? 2 * real : real,
                  .classifier = config.classifier};
      run.classifier.seed = seed;
      if (match == "steps") {
        run.classifier.steps = classifier_steps(config.classifier, real);
      }
      run.steps = classifier_steps(run.classifier, run.images);
      runs.push_back(std::move(run));
    }
  }
}

std::string hash_images(const std::vector<LabelledImage>& images) {
  std::string text;
  for (const LabelledImage& one : images) {
    text += fmt::format("{} {} {}", one.image.name(), one.image.begin, one.image.bytes);
    for (const float target : one.targets) {
      text += fmt::format(" {}", target);
    }
    text += '\n';
  }
  return sha256_hex(text);
}

}  // namespace

std::string variant_of(const std::string& source, const std::string& match) {
  return source == "real+synthetic" && match == "steps" ? "real+synthetic (matched steps)" : source;
}

GridData open_grid(const ClassifyConfig& config) {
  check_config(config);
  GridData data{.cohorts = open_cohorts(config)};
  data.train = data.cohorts.train.images();
  data.validation = data.cohorts.validation.images();
  data.test = data.cohorts.test.images();
  data.parts = draw_parts(data.cohorts.train, config);
  data.sources = pool_sources(data.parts, config);
  if (!data.sources.empty()) {
    data.prompts = prompt_targets(data.cohorts.train, config);
  }
  return data;
}

void check_generators(GridData& data, const ClassifyConfig& config) {
  const Cohorts& cohorts = data.cohorts;
  data.leaks.push_back(check_leak("the classifiers' training set", cohorts.train.manifest,
                                  "the validation set", cohorts.validation.manifest));
  data.leaks.push_back(check_leak("the classifiers' training set", cohorts.train.manifest, "the test set",
                                  cohorts.test.manifest));
  data.leaks.push_back(
      check_leak("the validation set", cohorts.validation.manifest, "the test set", cohorts.test.manifest));
  for (const PoolSource& source : data.sources) {
    for (const GeneratorData& generator : generators_of(source)) {
      add_leak(data, generator, "the validation set", cohorts.validation);
      add_leak(data, generator, "the test set", cohorts.test);
      for (const std::size_t p : config.no_peek ? source.parts : std::vector<std::size_t>()) {
        require_no_peek(generator, part_manifest(data, data.parts[p]),
                        fmt::format("{} % of the training set", data.parts[p].fraction));
      }
    }
  }
}

void open_pools(GridData& data, const ClassifyConfig& config, const std::vector<fs::path>& drawn) {
  data.pools.clear();
  for (std::size_t s = 0; s < data.sources.size(); ++s) {
    std::vector<fs::path> folders = data.sources[s].images;
    if (s < drawn.size() && !drawn[s].empty()) {
      folders.push_back(drawn[s]);
    }
    data.pools.push_back(open_pool(folders, data.prompts, config.class_names()));
  }
}

std::vector<MissingImage> missing_images(const GridData& data, const ClassifyConfig& config,
                                         std::size_t pool) {
  std::vector<std::vector<std::size_t>> parts;
  for (const std::size_t p : data.sources[pool].parts) {
    parts.push_back(data.parts[p].real);
  }
  return missing_images(data.pools[pool], parts, data.cohorts.train, config);
}

void match_parts(GridData& data, const ClassifyConfig& config) {
  for (GridPart& part : data.parts) {
    if (!data.pools.empty()) {
      part.synthetic = matching_images(data.pools[part.pool], part.real, data.cohorts.train, config);
    }
  }
}

std::vector<GridRun> plan_runs(const GridData& data, const ClassifyConfig& config) {
  std::vector<GridRun> runs;
  for (const std::string& source : config.sources) {
    for (const std::string& match : config.match) {
      if (source == "real+synthetic" || match == config.match.front()) {  // else both are the same run
        add_runs(runs, data, config, source, source == "real+synthetic" ? match : "epochs");
      }
    }
  }
  std::stable_sort(runs.begin(), runs.end(),
                   [](const GridRun& a, const GridRun& b) { return a.fraction < b.fraction; });
  return runs;
}

std::vector<LabelledImage> training_images(const GridData& data, const GridRun& run) {
  const GridPart& part = data.parts[run.part];
  std::vector<LabelledImage> images;
  if (run.source != "synthetic") {
    for (const std::size_t i : part.real) {
      images.push_back(data.train[i]);
    }
  }
  if (run.source != "real") {
    for (const std::size_t i : part.synthetic) {
      images.push_back(data.pools[part.pool].images[i]);
    }
  }
  return images;
}

void check_parts(const GridData& data, const ClassifyConfig& config) {
  for (const GridPart& part : data.parts) {
    std::vector<LabelledImage> train;
    for (const std::size_t i : part.real) {
      train.push_back(data.train[i]);
    }
    check_classifier_data(
        config.classifier,
        {.train = train, .validation = data.validation, .test = data.test, .classes = config.class_names()},
        fmt::format("{} % of the training set", part.fraction));
  }
}

RunKeys::RunKeys(const GridData& data)
    : data_(data), scored_(hash_images(data.validation) + hash_images(data.test)) {}

std::string RunKeys::key_of(const GridRun& run) const {
  ClassifierConfig config = run.classifier;
  config.workers = 0;  // no result depends on these two
  config.cache_gib = 0;
  return sha256_hex(config_to_json(config).dump() + hash_images(training_images(data_, run)) + scored_);
}

Manifest part_manifest(const GridData& data, const GridPart& part) {
  Manifest manifest{.root = data.cohorts.train.manifest.root, .records = {}};
  for (const std::size_t i : part.real) {
    manifest.records.push_back(data.cohorts.train.manifest.records[i]);
  }
  return manifest;
}

}  // namespace medisyn
