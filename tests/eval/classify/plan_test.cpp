// The plan of a grid: generated images, leaks, runs.
#include "medisyn/eval/classify/plan.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "../../expect_error.h"
#include "grid_fixture.h"

namespace medisyn {
namespace {

using testing::HasSubstr;

class ClassifyPlan : public GridFolder {
 protected:
  ClassifyConfig with_synthetic() const {
    ClassifyConfig config = this->config();
    config.sources = {"real", "synthetic", "real+synthetic"};
    config.synthetic.prompt = "A picture of {classes}";
    return config;
  }

  /// A run of train on some of the real images, and a run of generate with it.
  fs::path run_of_train(const std::string& name, const std::string& where) const {
    fs::create_directories(folder_ / name / "checkpoints/step-1");
    write_file(folder_ / name / "result.json",
               Json{{"command", "medisyn train"},
                    {"config", {{"data", {{"manifest", (folder_ / "real").string()}, {"where", where}}}}}}
                   .dump());
    return folder_ / name;
  }
};

TEST_F(ClassifyPlan, RunsOfTheGrid) {
  auto config = with_synthetic();
  config.synthetic.images = {generated("g", {"A picture of naevus", "Image of melanoma"}, 30)};
  config.match = {"epochs", "steps"};
  GridData data = open_grid(config);
  open_pools(data, config);
  EXPECT_TRUE(missing_images(data, config, 0).empty());
  match_parts(data, config);
  const auto runs = plan_runs(data, config);
  ASSERT_EQ(runs.size(), 24U);  // 3 sources and real+synthetic again, 3 fractions, 2 seeds
  std::set<std::string> names, keys;
  const RunKeys of(data);
  for (const GridRun& run : runs) {
    names.insert(run.name);
    keys.insert(of.key_of(run));
    const auto images = training_images(data, run);
    EXPECT_EQ(std::ssize(images), run.images) << run.name;
    EXPECT_EQ(run.classifier.seed, run.seed);
    std::vector<Targets> targets;
    for (const LabelledImage& one : images) {
      targets.push_back(one.targets);
    }
    const auto counts = class_counts(targets, 2);
    EXPECT_EQ(counts[0] * 3, counts[1]) << run.name;  // matched class distribution
    EXPECT_EQ(run.steps, run.match == "steps" || run.source != "real+synthetic"
                             ? 2 * ((run.images / (run.source == "real+synthetic" ? 2 : 1) + 3) / 4)
                             : 2 * ((run.images + 3) / 4));
  }
  EXPECT_EQ(names.size(), 24U);
  EXPECT_EQ(keys.size(), 24U);
  EXPECT_TRUE(names.contains("real+synthetic-50-steps-seed1"));
  EXPECT_EQ(runs.front().fraction, 10);
  GridRun other = runs.front();
  other.classifier.workers = 7;
  EXPECT_EQ(of.key_of(other), of.key_of(runs.front()));
  other.classifier.learning_rate = 0.5;
  EXPECT_NE(of.key_of(other), of.key_of(runs.front()));
}

TEST_F(ClassifyPlan, AClassWithoutAnExampleIsNamed) {
  auto config = this->config();
  config.subsets.fractions = {5, 100};
  EXPECT_ERROR(check_parts(open_grid(config), config),
               "5 % of the training set: no training image of class melanoma");
  config.subsets.rounding = "ceil";
  check_parts(open_grid(config), config);
}

TEST_F(ClassifyPlan, WhatIsMissingIsAskedForByPrompt) {
  auto config = with_synthetic();
  config.synthetic.images = {generated("g", {"A picture of naevus", "no such prompt"}, 5)};
  config.synthetic.seed = 7;
  GridData data = open_grid(config);
  open_pools(data, config);
  EXPECT_EQ(data.pools[0].not_asked_for, 5);
  const auto missing = missing_images(data, config, 0);
  EXPECT_EQ(missing.size(), 35U);  // 30 - 5 naevi and 10 melanomas
  EXPECT_EQ(missing.front().seed, 7U);
  EXPECT_EQ(missing.back().seed, 41U);
  EXPECT_EQ(std::count_if(missing.begin(), missing.end(),
                          [](const MissingImage& one) { return one.prompt == "A picture of melanoma"; }),
            10);
  EXPECT_ERROR(match_parts(data, config), "synthetic images: 1 of melanoma are needed, found 0");
  open_pools(data, config, {generated("drawn", {"A picture of naevus", "A picture of melanoma"}, 25)});
  match_parts(data, config);
  // The smaller part's images are in the larger one.
  const auto& small = data.parts[0].synthetic;
  const auto& large = data.parts[1].synthetic;
  EXPECT_EQ(small.size(), 4U);
  for (const std::size_t i : small) {
    EXPECT_NE(std::find(large.begin(), large.end(), i), large.end());
  }
}

TEST_F(ClassifyPlan, AnEmptySetAndAnAmbiguousPromptAreNamed) {
  auto config = with_synthetic();
  config.synthetic.images = {generated("g", {"something else"}, 4)};
  GridData data = open_grid(config);
  EXPECT_ERROR(open_pools(data, config), "an empty set: the prompt of none of its 4 images");
  config.synthetic.images = {folder_ / "nowhere"};
  EXPECT_ERROR(open_pools(data = open_grid(config), config), "nowhere");
  config.synthetic.prompt = "A {image_type} image";
  EXPECT_ERROR(open_grid(config),
               "the prompt \"A CT image\" stands for training images of different classes");
  config.synthetic.prompt = "{text}";
  config.synthetic.images = {generated("c", {"Image of naevus"}, 2)};
  open_pools(data = open_grid(config), config);
  EXPECT_EQ(data.pools[0].count("naevus"), 2);
}

TEST_F(ClassifyPlan, LabelsThatAreNotKnownAreNotAskedFor) {
  rows_.push_back(record_json("maybe", "train", "pm", {"naevus", "perhaps melanoma"}));
  auto config = with_synthetic();
  config.classifier.multi_label = true;
  config.classes[0].unknown = "labels=\"perhaps melanoma\"";
  config.synthetic.images = {generated("g", {"A picture of naevus", "A picture of melanoma"}, 31)};
  GridData data = open_grid(config);
  open_pools(data, config);
  match_parts(data, config);
  EXPECT_EQ(data.parts.back().synthetic.size(), 41U);
  for (const LabelledImage& one : data.pools[0].images) {
    EXPECT_FALSE(std::isnan(one.targets[0]));
  }
}

TEST_F(ClassifyPlan, GroupsOfGeneratorAndTestSetAreCompared) {
  auto config = with_synthetic();
  config.synthetic.model = run_of_train("clean", "split=train") / "checkpoints/step-1";
  GridData data = open_grid(config);
  check_generators(data, config);
  ASSERT_EQ(data.leaks.size(), 5U);
  EXPECT_THAT(leak_line(data.leaks), HasSubstr("Leak check: no patient or group is shared by"));
  EXPECT_EQ(data.leaks[0].first_groups, 20);
  // A generator that saw the test set, by way of a run of generate.
  const fs::path drawn = generated("g", {"A picture of naevus"}, 2);
  write_file(drawn / "result.json",
             Json{{"command", "medisyn generate"},
                  {"config", {{"model", run_of_train("leaky", "not split=validation").string()}}}}
                 .dump());
  config.synthetic.model.clear();
  config.synthetic.images = {drawn, generated("unknown", {"A picture of naevus"}, 2)};
  check_generators(data = open_grid(config), config);
  const std::string line = leak_line(data.leaks);
  EXPECT_THAT(line, HasSubstr("share 4 patients or groups (4 images of the test set)"));
  EXPECT_THAT(line, HasSubstr("NOT CHECKED"));
}

TEST_F(ClassifyPlan, NoPeekRefusesAGeneratorThatSawMore) {
  auto config = with_synthetic();
  config.no_peek = true;
  config.subsets.fractions = {50, 100};
  const fs::path all = run_of_train("all", "split=train");
  config.synthetic.by_fraction = {{.fraction = 50, .images = {}, .model = all},
                                  {.fraction = 100, .images = {}, .model = all}};
  GridData data = open_grid(config);
  EXPECT_ERROR(
      check_generators(data, config),
      "the generator was trained on 40 images, 20 of them not in 50 % of the training set, the first");
  // One that was trained on what --write-subsets writes.
  fs::create_directories(folder_ / "half/x");
  write_manifest_file(folder_ / "half/50.jsonl", part_manifest(data, data.parts[0]));
  write_file(folder_ / "half/x/result.json",
             Json{{"command", "medisyn train"},
                  {"config", {{"data", {{"manifest", (folder_ / "half/50.jsonl").string()}, {"where", ""}}}}}}
                 .dump());
  config.synthetic.by_fraction[0].model = folder_ / "half/x";
  check_generators(data = open_grid(config), config);
  EXPECT_EQ(data.sources[0].parts, std::vector<std::size_t>{0});
  config.synthetic.by_fraction[1].model = folder_ / "nowhere";
  EXPECT_ERROR(check_generators(data = open_grid(config), config), "nothing says which images");
}

}  // namespace
}  // namespace medisyn
