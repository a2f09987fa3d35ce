#include "medisyn/train/checkpoint.h"

#include <torch/types.h>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

struct Fixture {
  NamedParameters parameters{{"a", torch::ones({3}).set_requires_grad(true)}};
  Communicator ranks;
  ParameterStore store{parameters, {.ema_decay = 0.5}, ranks};
  Objective objective;
  Json config = {{"seed", 1}, {"max_steps", 5}, {"optimizer", {{"learning_rate", 0.1}}}};

  Fixture() {
    objective.sample_ids = {"x", "y"};
    objective.sample_hashes = {1, 2};
    objective.save = [](const fs::path& folder) { write_file(folder / "model", "x"); };
  }
  void save(const fs::path& run, std::int64_t keep) {
    save_checkpoint(run, objective, store, config, keep, ranks);
  }
  void load(const fs::path& run) { load_checkpoint(newest_checkpoint(run), objective, store, config); }
  void step() {
    store.drop_gradients();
    parameters[0].second.square().sum().backward();
    store.apply(0.1, store.gradient_norm());
  }
};

TEST(Checkpoint, NewestIsFoundAndOldOnesGo) {
  const fs::path run = fresh_folder();
  Fixture fixture;
  EXPECT_ERROR(newest_checkpoint(run), "holds no complete checkpoint");
  for (int i = 0; i < 12; ++i) {
    fixture.step();
    fixture.save(run, 2);
  }
  EXPECT_EQ(newest_checkpoint(run).filename(), "step-12");
  EXPECT_EQ(read_file(run / "latest"), "checkpoints/step-12\n");
  EXPECT_TRUE(fs::exists(run / "checkpoints" / "step-11"));
  EXPECT_FALSE(fs::exists(run / "checkpoints" / "step-10"));
  // One that was cut off does not count.
  fs::remove(run / "checkpoints" / "step-12" / "COMPLETE");
  EXPECT_EQ(newest_checkpoint(run).filename(), "step-11");
}

TEST(Checkpoint, StateComesBackBitForBit) {
  const fs::path run = fresh_folder();
  Fixture fixture;
  fixture.step();
  fixture.step();
  fixture.save(run, 1);
  Fixture other;
  other.load(run);
  EXPECT_EQ(other.store.step(), 2);
  fixture.step();
  other.step();
  const TensorMap left = fixture.store.state();
  for (const auto& [name, tensor] : other.store.state()) {
    EXPECT_TRUE(torch::equal(tensor, left.at(name))) << name;
  }
}

TEST(Checkpoint, AnotherConfigIsRefusedWithTheDifference) {
  const fs::path run = fresh_folder();
  Fixture fixture;
  fixture.step();
  fixture.save(run, 1);
  fixture.config["max_steps"] = 50;
  fixture.load(run);
  fixture.config["optimizer"]["learning_rate"] = 0.2;
  EXPECT_ERROR(fixture.load(run), "optimizer.learning_rate: 0.1 -> 0.2");
}

TEST(Checkpoint, OtherImagesAreRefusedWithTheDifference) {
  const fs::path run = fresh_folder();
  Fixture fixture;
  fixture.step();
  fixture.save(run, 1);
  fixture.objective.sample_ids.push_back("z");
  fixture.objective.sample_hashes.push_back(3);
  EXPECT_ERROR(fixture.load(run), "2 images, now 3: 0 are gone or changed, 1 are new or changed (z)");
  fixture.objective.sample_hashes = {2, 1};
  fixture.objective.sample_ids = {"y", "x"};
  EXPECT_ERROR(fixture.load(run), "the same images in another order");
}

TEST(Checkpoint, SkippedStepsAreNoUpdates) {
  const fs::path run = fresh_folder();
  Fixture fixture;
  fixture.step();
  fixture.store.skip();
  fixture.save(run, 1);
  Fixture other;
  other.load(run);
  EXPECT_EQ(other.store.step(), 2);
  EXPECT_EQ(other.store.updates(), 1);
}

TEST(Checkpoint, FailedSaveKeepsTheOldOneAndLeavesNothing) {
  const fs::path run = fresh_folder();
  Fixture fixture;
  fixture.step();
  fixture.save(run, 1);
  fixture.step();
  fixture.objective.save = [](const fs::path&) {
    throw Error("x: cannot be written: No space left on device");
  };
  EXPECT_ERROR(fixture.save(run, 1), "step 2 cannot be saved: x: cannot be written: No space left");
  EXPECT_ERROR(fixture.save(run, 1), "step-1 is whole: go on from it with --resume");
  EXPECT_EQ(read_file(run / "latest"), "checkpoints/step-1\n");
  EXPECT_EQ(newest_checkpoint(run).filename(), "step-1");
  EXPECT_EQ(std::distance(fs::directory_iterator(run / "checkpoints"), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace medisyn
