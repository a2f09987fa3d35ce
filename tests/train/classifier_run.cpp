// Trains a classifier on listed images and writes what came of it: the half of scripts/parity_classify.py and
// scripts/bench_classify.py that is medisyn's.
//
//   classifier_run JOB.json OUT.json
//
// JOB: {"config": {...}, "classes": [...], "threads": 2, "train" | "validation" | "test": [{"file",
// "targets": [1, 0, null]}]}. OUT: {"losses", "order": [[index of the training image, ...] of each step],
// "step_seconds", "scores", "validations", "images_per_second", "data_wait", "seconds"}.
#include <ATen/Parallel.h>

#include <chrono>
#include <cstdio>
#include <limits>

#include "medisyn/core/config.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/memory.h"
#include "medisyn/train/classifier.h"
#include "medisyn/train/sample_order.h"

namespace medisyn {
namespace {

std::vector<LabelledImage> set_of(const Json& json) {
  std::vector<LabelledImage> set;
  for (const Json& one : json) {
    LabelledImage labelled{.image = fs::path(one.at("file").get<std::string>()), .targets = {}};
    for (const Json& target : one.at("targets")) {
      labelled.targets.push_back(target.is_null() ? std::numeric_limits<float>::quiet_NaN()
                                                  : target.get<float>());
    }
    set.push_back(std::move(labelled));
  }
  return set;
}

void run(const fs::path& job_file, const fs::path& out) {
  const Json job = Json::parse(read_file(job_file));
  const auto config =
      config_from_node<ClassifierConfig>(parse_config_text(job.at("config").dump(), job_file.string()));
  at::set_num_threads(job.at("threads").get<int>());
  const std::vector<LabelledImage> train = set_of(job.at("train"));
  const std::vector<LabelledImage> validation = set_of(job.at("validation"));
  const std::vector<LabelledImage> test = set_of(job.at("test"));
  std::vector<double> step_seconds;
  auto last = std::chrono::steady_clock::now();
  const auto outcome =
      train_classifier(config,
                       {.train = train,
                        .validation = validation,
                        .test = test,
                        .classes = job.at("classes").get<std::vector<std::string>>()},
                       {.after_step = [&](std::int64_t, std::int64_t, double) {
                         const auto now = std::chrono::steady_clock::now();
                         step_seconds.push_back(std::chrono::duration<double>(now - last).count());
                         last = now;
                         return true;
                       }});
  Json order = Json::array();
  SampleOrder batches = classifier_order(config, std::ssize(train));
  for (std::int64_t step = 0; step < outcome->steps; ++step) {
    Json indices = Json::array();
    for (const SampleDraw& draw : batches.batch(step)) {
      indices.push_back(draw.index);
    }
    order.push_back(std::move(indices));
  }
  Json validations = Json::array();
  for (const Validation& one : outcome->validations) {
    validations.push_back({{"step", one.step}, {"macro_auroc", one.macro_auroc}, {"loss", one.loss}});
  }
  write_file(out, Json{{"losses", outcome->losses},
                       {"order", order},
                       {"step_seconds", step_seconds},
                       {"scores", outcome->scores},
                       {"validations", validations},
                       {"best_step", outcome->best_step},
                       {"images_per_second", outcome->images_per_second},
                       {"data_wait", outcome->data_wait},
                       {"seconds", outcome->seconds}}
                      .dump());
}

}  // namespace
}  // namespace medisyn

int main(int argc, char** argv) {
  try {
    if (argc != 3) {
      medisyn::fail("usage: classifier_run JOB.json OUT.json");
    }
    medisyn::keep_freed_memory();
    medisyn::run(argv[1], argv[2]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
}
