// Processes that share a job: what launchers say, and how ranks that were started here end.
#include "medisyn/dist/ranks.h"

#include <gmock/gmock.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>

#include "../expect_error.h"
#include "jobs.h"
#include "medisyn/core/interrupt.h"

namespace medisyn {
namespace {

using testing::ElementsAre;

class ThisRank : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name :
         {"RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID",
          "SLURM_STEP_ID", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"}) {
      unsetenv(name);
    }
  }
  void TearDown() override { SetUp(); }

  static void set(const std::map<std::string, std::string>& variables) {
    for (const auto& [name, value] : variables) {
      setenv(name.c_str(), value.c_str(), 1);
    }
  }
};

TEST_F(ThisRank, AloneWithoutALauncher) {
  EXPECT_EQ(this_rank().rank, 0);
  EXPECT_EQ(this_rank().world, 1);
}

TEST_F(ThisRank, OfTorchrunSlurmAndMpirun) {
  set({{"SLURM_PROCID", "5"}, {"SLURM_NTASKS", "8"}, {"SLURM_LOCALID", "1"}});
  EXPECT_EQ(this_rank().world, 1) << "a batch script itself is no rank";
  set({{"SLURM_STEP_ID", "0"}});
  EXPECT_EQ(this_rank().rank, 5);
  EXPECT_EQ(this_rank().world, 8);
  EXPECT_EQ(this_rank().local_rank, 1);
  set({{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "3"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "0"}});
  EXPECT_EQ(this_rank().rank, 2);
  set({{"RANK", "3"}, {"WORLD_SIZE", "4"}, {"LOCAL_RANK", "3"}});
  EXPECT_EQ(this_rank().rank, 3);
  EXPECT_EQ(this_rank().local_rank, 3);
}

TEST_F(ThisRank, RefusesWhatDoesNotFitTogether) {
  set({{"RANK", "1"}});
  EXPECT_ERROR(this_rank(), "WORLD_SIZE is not set");
  set({{"WORLD_SIZE", "1"}, {"LOCAL_RANK", "0"}});
  EXPECT_ERROR(this_rank(), "expected ranks below the number of processes");
  set({{"RANK", "-1"}});
  EXPECT_ERROR(this_rank(), "RANK=-1: expected a whole number");
  set({{"RANK", "one"}});
  EXPECT_ERROR(this_rank(), "RANK=one");
}

/// Not a test: what each rank below does, by its number.
TEST(Ranks, DISABLED_Process) {
  const Rank rank = this_rank();
  if (!is_launched_rank() || rank.world != 3 || std::getenv("OMP_NUM_THREADS") == nullptr) {
    std::_Exit(99);
  }
  if (rank.rank == 1) {
    std::raise(SIGKILL);
  }
  std::_Exit(rank.rank == 2 ? 7 : 0);
}

TEST(Ranks, EachEndsInItsOwnWayAndIsNamed) {
  const auto ends = run_ranks(
      3, {"ranks_test", "--gtest_filter=Ranks.DISABLED_Process", "--gtest_also_run_disabled_tests"});
  ASSERT_EQ(ends.size(), 3U);
  EXPECT_TRUE(ends[0].is_good());
  EXPECT_EQ(ends[1].signal, SIGKILL);
  EXPECT_EQ(ends[2].exit_code, 7);
  EXPECT_THAT(describe_failures(ends), ElementsAre("rank 1 of 3 was killed by signal 9 (Killed)",
                                                   "rank 2 of 3 ended with exit code 7"));
}

/// Rank 1 fails before it joins anyone, rank 2 heeds no SIGTERM.
TEST(Role, DISABLED_FailEarly) {
  const TestRank here;
  if (here.rank == 1) {
    std::_Exit(3);
  }
  std::signal(SIGTERM, here.rank == 2 ? SIG_IGN : SIG_DFL);
  std::this_thread::sleep_for(std::chrono::seconds(60));
  std::_Exit(0);
}

TEST(Ranks, AllAreStoppedWhenOneFailed) {
  const JobResult job = run_job("FailEarly", 3);
  EXPECT_EQ(job.ends[0].signal, SIGTERM);
  EXPECT_EQ(job.ends[1].exit_code, 3);
  EXPECT_EQ(job.ends[2].signal, SIGKILL);
  EXPECT_THAT(describe_failures(job.ends), ElementsAre("rank 1 of 3 ended with exit code 3"));
  EXPECT_LT(job.seconds, 20);
}

TEST(Role, DISABLED_SaveOnRequest) {
  const TestRank here;
  watch_interrupts();
  for (int i = 0; i < 1000; ++i) {
    if (save_requested()) {
      std::_Exit(0);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::_Exit(5);
}

TEST(Ranks, ARequestToSaveReachesEvenRanksThatStillStart) {
  watch_interrupts();
  std::thread sender([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    kill(getpid(), SIGUSR1);
  });
  EXPECT_TRUE(run_job("SaveOnRequest", 2).is_good());
  sender.join();
}

/// Rank 1 takes longer to save than a rank has that must end because another failed.
TEST(Role, DISABLED_LeaveOnRequest) {
  const TestRank here;
  watch_interrupts();
  while (!interrupted()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::this_thread::sleep_for(std::chrono::seconds(here.rank == 1 ? 7 : 0));
  std::_Exit(interrupt_exit_code());
}

/// A launcher of its own, because an interrupt is never forgotten.
TEST(Role, DISABLED_InterruptedLauncher) {
  watch_interrupts();
  std::thread([] {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    kill(getpid(), SIGTERM);
  }).detach();
  const auto ends = run_ranks(2, role_arguments("LeaveOnRequest"), OnFailure::kStopOthers);
  const auto is_saved = [](const RankEnd& end) { return end.exit_code == 143 && !end.is_consequence; };
  std::_Exit(std::all_of(ends.begin(), ends.end(), is_saved) ? 0 : 1);
}

TEST(Ranks, AnInterruptedJobHasTimeToSave) {
  const pid_t launcher =
      start_process(role_arguments("InterruptedLauncher"), {{kJobFolder, fresh_folder().string()}});
  EXPECT_TRUE(wait_for_processes({launcher}).front().is_good());
}

}  // namespace
}  // namespace medisyn
