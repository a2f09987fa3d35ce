#include "medisyn/train/checkpoint.h"

#include <torch/types.h>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

struct Fixture {
  NamedParameters parameters{{"a", torch::ones({3}).set_requires_grad(true)}};
  ParameterStore store{parameters, {.ema_decay = 0.5}};
  Objective objective;
  Json config = {{"seed", 1}, {"max_steps", 5}, {"optimizer", {{"learning_rate", 0.1}}}};

  Fixture() {
    objective.save = [](const fs::path& folder) { write_file(folder / "model", "x"); };
  }
  void step() {
    store.zero_gradients();
    parameters[0].second.square().sum().backward();
    store.apply(0.1);
  }
};

TEST(Checkpoint, NewestIsFoundAndOldOnesGo) {
  const fs::path run = fresh_folder();
  Fixture fixture;
  EXPECT_ERROR(newest_checkpoint(run), "holds no complete checkpoint");
  for (int i = 0; i < 12; ++i) {
    fixture.step();
    save_checkpoint(run, fixture.objective, fixture.store, fixture.config, 2);
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
  save_checkpoint(run, fixture.objective, fixture.store, fixture.config, 1);
  Fixture other;
  load_checkpoint(newest_checkpoint(run), other.store, other.config);
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
  save_checkpoint(run, fixture.objective, fixture.store, fixture.config, 1);
  Json changed = fixture.config;
  changed["max_steps"] = 50;
  load_checkpoint(newest_checkpoint(run), fixture.store, changed);
  changed["optimizer"]["learning_rate"] = 0.2;
  EXPECT_ERROR(load_checkpoint(newest_checkpoint(run), fixture.store, changed),
               "optimizer.learning_rate: 0.1 -> 0.2");
}

TEST(Checkpoint, FailedSaveKeepsTheOldOneAndLeavesNothing) {
  const fs::path run = fresh_folder();
  Fixture fixture;
  fixture.step();
  save_checkpoint(run, fixture.objective, fixture.store, fixture.config, 1);
  fixture.step();
  fixture.objective.save = [](const fs::path&) {
    throw Error("x: cannot be written: No space left on device");
  };
  EXPECT_ERROR(save_checkpoint(run, fixture.objective, fixture.store, fixture.config, 1), "No space left");
  EXPECT_EQ(read_file(run / "latest"), "checkpoints/step-1\n");
  EXPECT_EQ(newest_checkpoint(run).filename(), "step-1");
  EXPECT_EQ(std::distance(fs::directory_iterator(run / "checkpoints"), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace medisyn
