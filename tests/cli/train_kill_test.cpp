// `medisyn train` killed at any moment, a full disk, and torchrun: what is resumed equals what was never
// broken.
#include <sys/stat.h>

#include <cstdlib>
#include <random>

#include "../peers.h"
#include "train_fixture.h"

namespace medisyn {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kSteps = 160;
constexpr std::int64_t kSaveEvery = 4;

class TrainKill : public Train {
 protected:
  void SetUp() override {
    Train::SetUp();
    write_file(folder_ / "train.yaml",
               fmt::format(
                   "objective: unet\ndata: {{manifest: data}}\nparts: {{base: model}}\nbatch_size: 4\n"
                   "max_steps: {}\noptimizer: {{learning_rate: 1.0e-3, ema_decay: 0.9}}\nlog_every_steps: 1\n"
                   "validate_every_steps: 1000\nsave_every_steps: 4\n",
                   kSteps));
  }

  bool has_checkpoint(const std::string& out) const { return fs::exists(folder_ / out / "latest"); }

  Words go_on(const std::string& out, Words more) const {
    if (has_checkpoint(out)) {
      more.emplace_back("--resume");
    } else {
      fs::remove_all(folder_ / out);
    }
    return words(out, more);
  }

  /// The newest step in a run's metrics, which may be written just now; 0 without any.
  std::int64_t newest_step(const std::string& out) const {
    const std::string text = slurp(folder_ / out / "metrics.jsonl");
    constexpr std::string_view kStep = "\"step\":";
    const std::size_t found = text.rfind(kStep);
    return found == std::string::npos ? 0 : std::strtoll(text.c_str() + found + kStep.size(), nullptr, 10);
  }

  /// Kills a run so many times, each a few steps and some milliseconds after it went on, and then finishes
  /// it.
  void kill_often(const std::string& out, int times, const Words& more) {
    std::mt19937 generator(7);
    for (int i = 0; i < times; ++i) {
      const std::int64_t before = has_checkpoint(out) ? newest_step(out) : 0;
      const pid_t child = start_program(go_on(out, more), folder_);
      const std::int64_t step = before - before % kSaveEvery + 1 + generator() % 6;
      for (int wait = 0; wait < 12000 && newest_step(out) < step; ++wait) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(generator() % 60));
      const std::vector<pid_t> ranks = ranks_of(child);
      kill(child, SIGKILL);
      for (const pid_t rank : ranks) {
        kill(rank, SIGKILL);
      }
      ASSERT_EQ(wait_for(child, folder_).exit_code, 128 + SIGKILL) << "time " << i << ": it was done";
      check_checkpoints(out);
    }
    const ProgramResult result = run_program(go_on(out, more), folder_);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
  }

  /// What `latest` names is whole, whenever the run was killed.
  void check_checkpoints(const std::string& out) const {
    if (has_checkpoint(out)) {
      std::string latest = slurp(folder_ / out / "latest");
      latest.pop_back();
      EXPECT_TRUE(fs::exists(folder_ / out / latest / "COMPLETE")) << latest;
      load_stable_diffusion(folder_ / out / latest);
    }
  }

  std::string weights(const std::string& out) const {
    return slurp(folder_ / out / fmt::format("checkpoints/step-{}/training_state.safetensors", kSteps));
  }
};

TEST_F(TrainKill, TwentyTimesAtAnyMomentAndBitForBitAtTheEnd) {
  expect_done("whole", {});
  kill_often("killed", 20, {});
  EXPECT_EQ(losses("killed"), losses("whole"));
  EXPECT_EQ(weights("killed"), weights("whole"));
}

TEST_F(TrainKill, TwoRanksToo) {
  expect_done("whole", {"--nproc", "2"});
  kill_often("killed", 4, {"--nproc", "2"});
  EXPECT_EQ(losses("killed"), losses("whole"));
  EXPECT_EQ(weights("killed"), weights("whole"));
}

TEST_F(TrainKill, AnotherNumberOfRanksGoesOnWithinRounding) {
  expect_done("whole", {});
  expect_done("parts", {"--set", "max_steps=60"});
  expect_done("parts", {"--nproc", "2", "--resume"});
  expect_near("parts", losses("whole"));
}

TEST_F(TrainKill, AFullDiskLeavesTheOldCheckpointAndSaysSo) {
  const fs::path disk = folder_ / "disk";
  fs::create_directories(disk);
  const std::string mount = fmt::format("mount -t tmpfs -o size=9m tmpfs '{}' 2>/dev/null", disk.string());
  if (std::system(mount.c_str()) != 0) {  // NOLINT: no other program runs here
    GTEST_SKIP() << "a small disk cannot be mounted here";
  }
  const ProgramResult result = run("disk/run", {"--set", "keep_checkpoints=100"});
  EXPECT_EQ(result.exit_code, 2) << result.errors;
  EXPECT_THAT(result.errors, HasSubstr("cannot be saved"));
  EXPECT_THAT(result.errors, HasSubstr("No space left on device"));
  EXPECT_THAT(result.errors, HasSubstr("is whole: go on from it with --resume"));
  check_checkpoints("disk/run");
  for (const auto& entry : fs::directory_iterator(disk / "run/checkpoints")) {
    EXPECT_TRUE(fs::exists(entry.path() / "COMPLETE")) << entry.path() << " is half written";
  }
  EXPECT_EQ(std::system(fmt::format("umount '{}'", disk.string()).c_str()), 0);  // NOLINT
}

/// torchrun as users call it: the reference's launcher, two processes on loopback.
TEST_F(TrainKill, TorchrunTrainsAndRestartsAfterADeath) {
  if (peers_python().empty()) {
    GTEST_SKIP() << "no torchrun here: scripts/setup_peers.sh makes .venv-peers";
  }
  expect_done("whole", {});
  const std::string command = fmt::format(
      "cd '{}' && OMP_NUM_THREADS=1 '{}' -m torch.distributed.run --nproc-per-node 2 --max-restarts 2 "
      "--rdzv-backend c10d "
      "--rdzv-endpoint localhost:0 --no-python '{}' train --config train.yaml --device cpu --out torchrun "
      "> torchrun.log 2>&1",
      folder_.string(), peers_python().string(), MEDISYN_PROGRAM);
  std::thread killer([&] {
    for (int i = 0; i < 1200 && !has_checkpoint("torchrun"); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    // The youngest process of this run's folder.
    std::system(
        fmt::format("pkill -9 -n -f '^{} train .*--out torchrun'", MEDISYN_PROGRAM).c_str());  // NOLINT
  });
  const int status = std::system(command.c_str());  // NOLINT
  killer.join();
  EXPECT_EQ(status, 0) << slurp(folder_ / "torchrun.log");
  EXPECT_THAT(slurp(folder_ / "torchrun.log"), HasSubstr("going on after step"));
  expect_near("torchrun", losses("whole"));
}

}  // namespace
}  // namespace medisyn
