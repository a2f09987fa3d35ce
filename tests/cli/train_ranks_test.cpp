// `medisyn train --nproc`: the losses of one rank from several, a rank that dies or fails, an interrupt.
#include "train_fixture.h"

namespace medisyn {
namespace {

using testing::HasSubstr;

class TrainRanks : public Train {};

TEST_F(TrainRanks, RanksAndMicroBatchesGiveTheLossesOfOne) {
  expect_done("one", {});
  const Losses one = losses("one");
  EXPECT_EQ(one.size(), 30U);
  expect_done("two", {"--nproc", "2"});
  expect_near("two", one);
  expect_done("four", {"--nproc", "4"});
  expect_near("four", one);
  expect_done("micro", {"--set", "micro_batch_size=2"});  // four times two images
  expect_near("micro", one);
  expect_done("both", {"--nproc", "2", "--set", "micro_batch_size=3"});  // 3 + 1 images a rank
  expect_near("both", one);
  expect_done("blocks", {"--nproc", "2", "--set", "gradient_checkpointing=true"});
  expect_near("blocks", one);
}

TEST_F(TrainRanks, ShortBatchesCountByTheirImages) {
  const Words three{"--set", "batch_size=3"};  // 8 images: batches of 3, 3 and 2
  expect_done("one", three);
  expect_done("four", {"--set", "batch_size=3", "--nproc", "4"});  // some ranks have no image
  expect_near("four", losses("one"));
}

TEST_F(TrainRanks, ShardedOptimizersGiveTheSameTraining) {
  const Words ema{"--set", "optimizer.ema_decay=0.9"};
  expect_done("one", ema);
  Words sharded{"--nproc", "2", "--set", "optimizer.shard=true"};
  sharded.insert(sharded.end(), ema.begin(), ema.end());
  expect_done("sharded", sharded);
  expect_near("sharded", losses("one"));
  const auto state = [&](const std::string& out) {
    return Safetensors(folder_ / out / "checkpoints/step-30/training_state.safetensors");
  };
  for (const char* name : {"parameters", "exp_avg", "exp_avg_sq", "ema"}) {
    const torch::Tensor whole = state("one").tensor(name), joined = state("sharded").tensor(name);
    EXPECT_LT((joined - whole).norm().item<double>(), 1e-4 * whole.norm().item<double>()) << name;
  }
}

TEST_F(TrainRanks, ACacheIsSharedOutAndTrainedFrom) {
  const Words cache{"cache",     "--config", "train.yaml", "--device",           "cpu",
                    "--threads", "1",        "--set",      "cache.folder=cached"};
  Words two = cache;
  two.insert(two.end(), {"--nproc", "2", "--json"});
  const ProgramResult result = run_program(two, folder_);
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(Json::parse(result.output)["metrics"]["images"], 8);
  EXPECT_TRUE(fs::exists(folder_ / "cached/result.json"));
  expect_done("plain", {});
  expect_done("cached-run", {"--set", "cache.folder=cached"});
  expect_near("cached-run", losses("plain"));
  write_file(folder_ / "data/image5.png", "no picture");  // another image of this name is not cached
  const ProgramResult changed = run("changed", {"--set", "cache.folder=cached"});
  EXPECT_EQ(changed.exit_code, 2);
  EXPECT_THAT(changed.errors, HasSubstr("image5.png"));
  EXPECT_EQ(run_program({"cache", "--config", "train.yaml"}, folder_).exit_code, 2) << "no cache.folder";
}

TEST_F(TrainRanks, DryRunsTellImagesAndMemory) {
  const ProgramResult result = run("none", {"--dry-run", "--nproc", "4", "--set", "optimizer.shard=true"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.errors, HasSubstr("8 images to train on, 4 held out"));
  EXPECT_THAT(result.errors, HasSubstr("trained parameters; each of 4 process(es) holds weights"));
  EXPECT_FALSE(fs::exists(folder_ / "none"));
}

TEST_F(TrainRanks, ADeadRankEndsTheOthersAndIsNamed) {
  const pid_t launcher = start_program(words("two", {"--nproc", "2", "--set", "max_steps=100000"}), folder_);
  ASSERT_TRUE(has_reached("two", 3)) << slurp(folder_ / ".stderr");
  const std::vector<pid_t> ranks = ranks_of(launcher);
  ASSERT_EQ(ranks.size(), 2U);
  std::this_thread::sleep_for(std::chrono::seconds(3));  // phases are told once a second
  const auto start = std::chrono::steady_clock::now();
  kill(ranks[1], SIGKILL);
  const ProgramResult result = wait_for(launcher, folder_);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, HasSubstr("rank 1 of 2 was killed by signal 9"));
  EXPECT_THAT(result.errors, HasSubstr("rank 1 of 2 died in: step "));
}

TEST_F(TrainRanks, AnErrorOfOneRankEndsAllWithItsLine) {
  write_file(folder_ / "data/image5.png", "no picture");
  const ProgramResult result = run("two", {"--nproc", "2"});
  EXPECT_EQ(result.exit_code, 2) << result.errors;
  EXPECT_THAT(result.errors, HasSubstr("image5.png"));
  EXPECT_FALSE(fs::exists(folder_ / "two/latest"));
}

TEST_F(TrainRanks, LossesThatAreNotFiniteNameTheirSamplesOrAreLeftOut) {
  const Words wild{
      "--nproc", "2", "--set", "optimizer.learning_rate=10", "--set", "optimizer.max_grad_norm=1.0e+6"};
  const ProgramResult stopped = run("stopped", wild);
  EXPECT_EQ(stopped.exit_code, 2) << stopped.errors;
  EXPECT_THAT(stopped.errors, HasSubstr("is not finite"));
  EXPECT_THAT(stopped.errors, HasSubstr("samples of rank 0: image"));
  EXPECT_THAT(stopped.errors, HasSubstr("; rank 1: image"));
  Words allowed = wild;
  allowed.insert(allowed.end(), {"--set", "max_bad_steps=1000", "--json"});
  const ProgramResult left_out = run("left_out", allowed);
  ASSERT_EQ(left_out.exit_code, 0) << left_out.errors;
  EXPECT_GT(Json::parse(left_out.output)["metrics"]["bad_steps"].get<int>(), 0);
}

TEST_F(TrainRanks, AnInterruptSavesAndAnotherNumberOfRanksGoesOn) {
  expect_done("whole", {});
  const Words slow{"--nproc", "2", "--set", "max_steps=100000"};
  const pid_t launcher = start_program(words("parts", slow), folder_);
  ASSERT_TRUE(has_reached("parts", 3)) << slurp(folder_ / ".stderr");
  kill(launcher, SIGUSR1);
  for (int i = 0; i < 600 && !fs::exists(folder_ / "parts/latest"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_TRUE(fs::exists(folder_ / "parts/latest")) << "SIGUSR1 saves and goes on";
  kill(launcher, SIGTERM);
  const ProgramResult result = wait_for(launcher, folder_);
  EXPECT_EQ(result.exit_code, 143) << result.errors;
  EXPECT_THAT(result.errors, HasSubstr("is saved; go on with: medisyn train"));
  const std::int64_t saved = losses("parts").rbegin()->first;
  const std::string end = fmt::format("max_steps={}", saved + 10);
  expect_done("parts", {"--resume", "--set", end});
  expect_done("unbroken", {"--set", end});
  expect_near("parts", losses("unbroken"));
}

}  // namespace
}  // namespace medisyn
