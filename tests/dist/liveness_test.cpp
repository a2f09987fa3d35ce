// How ranks end when one of them fails, dies, hangs or is slow.
#include "medisyn/dist/liveness.h"

#include <gmock/gmock.h>

#include <csignal>
#include <future>
#include <thread>

#include "jobs.h"
#include "medisyn/core/error.h"
#include "medisyn/core/log.h"
#include "medisyn/dist/communicator.h"

namespace medisyn {
namespace {

using testing::MatchesRegex;

void busy_for(std::chrono::seconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) {
    (void)torch::ones({64, 64}).mm(torch::ones({64, 64}));
  }
}

/// Long enough for a beat to tell the phase, and another rank's to read it.
void let_it_be_known() { std::this_thread::sleep_for(std::chrono::milliseconds(2500)); }

/// What main() of a program with a Communicator does.
template <class Work>
[[noreturn]] void run_to_the_end(const TestRank& here, const Work& work) {
  int code = 0;
  try {
    Communicator communicator(here, torch::kCPU);
    try {
      work(communicator);
    } catch (const std::exception& error) {
      communicator.fail_all(error);
      throw;
    }
  } catch (const std::exception& error) {
    log_error("{}", error.what());
    code = 2;
  }
  std::_Exit(code);
}

TEST(Role, DISABLED_DieInAStep) {
  const TestRank here;
  run_to_the_end(here, [&](Communicator& communicator) {
    communicator.set_phase("step 12: backward");
    let_it_be_known();
    if (here.rank == 1) {
      std::raise(SIGKILL);
    }
    communicator.barrier();
  });
}

TEST(Liveness, ADeadRankEndsTheOthersWithItsPhase) {
  const JobResult job = run_job("DieInAStep", 4);
  EXPECT_EQ(job.ends[1].signal, SIGKILL);
  for (const std::size_t rank : {0, 2, 3}) {
    EXPECT_EQ(job.ends[rank].exit_code, 1);
    EXPECT_EQ(job.errors[rank], "error: rank 1 of 4 died in: step 12: backward (signal 9, Killed)\n");
  }
  EXPECT_EQ(describe_failures(job.ends),
            std::vector<std::string>{"rank 1 of 4 was killed by signal 9 (Killed)"});
  EXPECT_LT(job.seconds, 10);
}

TEST(Role, DISABLED_DieWhileOthersWork) {
  const TestRank here;
  run_to_the_end(here, [&](Communicator& communicator) {
    communicator.set_phase("step 3: forward");
    let_it_be_known();
    if (here.rank == 1) {
      std::raise(SIGKILL);
    }
    busy_for(std::chrono::seconds(60));
  });
}

TEST(Role, DISABLED_TheServerDies) {
  const TestRank here;
  run_to_the_end(here, [&](Communicator& communicator) {
    communicator.set_phase("saving");
    let_it_be_known();
    if (here.rank == 0) {
      std::raise(SIGKILL);
    }
    busy_for(std::chrono::seconds(60));
  });
}

/// A machine that is gone without having closed its connections.
TEST(Role, DISABLED_TheServerHangs) {
  const TestRank here;
  run_to_the_end(here, [&](Communicator& communicator) {
    communicator.set_phase("step 7: reduce");
    let_it_be_known();
    if (here.rank == 0) {
      std::raise(SIGSTOP);
    }
    communicator.barrier();
  });
}

/// Busy for longer than a rank may be silent.
TEST(Role, DISABLED_Slow) {
  const TestRank here;
  run_to_the_end(here, [&](Communicator& communicator) {
    communicator.set_phase("saving");
    if (here.rank == 1) {
      busy_for(std::chrono::seconds(18));
    }
    torch::Tensor one = torch::ones({1});
    communicator.sum(one);
    EXPECT_EQ(one.item<float>(), 2);
  });
}

/// A rank that lives but does not come.
TEST(Role, DISABLED_StayAway) {
  const TestRank here;
  int code = 0;
  Communicator communicator(here, torch::kCPU, std::chrono::seconds(2));
  communicator.set_phase("step 5: reduce");
  if (here.rank == 1) {
    std::this_thread::sleep_for(std::chrono::seconds(60));
  }
  communicator.barrier();
  std::_Exit(code);
}

TEST(Role, DISABLED_Fail) {
  const TestRank here;
  run_to_the_end(here, [&](Communicator& communicator) {
    if (here.rank == 1) {
      fail("step 12: the loss is NaN");
    }
    busy_for(std::chrono::seconds(here.rank == 0 ? 0 : 60));
    communicator.barrier();
  });
}

TEST(Role, DISABLED_TheServerFails) {
  const TestRank here;
  run_to_the_end(here, [&](Communicator& communicator) {
    if (here.rank == 0) {
      fail("the disk is full");
    }
    communicator.barrier();
  });
}

/// Side by side: each takes its time.
TEST(Liveness, WithoutALauncherAnEndIsFoundAndSlownessIsNone) {
  const auto begin = [](const std::string& role, std::int64_t world) {
    return std::async(std::launch::async,
                      [=, folder = fresh_folder(role)] { return run_job_alone(role, world, folder); });
  };
  auto in_a_collective = begin("DieInAStep", 3), while_working = begin("DieWhileOthersWork", 3);
  auto server_dies = begin("TheServerDies", 2), server_hangs = begin("TheServerHangs", 2);
  auto away = begin("StayAway", 2), slow = begin("Slow", 2);
  auto fails = begin("Fail", 3), server_fails = begin("TheServerFails", 3);
  const auto expect_line = [](JobResult job, const std::string& line) {
    for (std::size_t rank = 0; rank < job.ends.size(); ++rank) {
      const RankEnd& end = job.ends[rank];
      if (end.signal == 0 && end.exit_code != 2) {  // but for the one that died or failed by itself
        EXPECT_EQ(end.exit_code, 1);
        EXPECT_THAT(job.errors[rank], MatchesRegex(line)) << "rank " << rank;
      }
    }
    EXPECT_LT(job.seconds, 30);
  };
  expect_line(in_a_collective.get(), "error: rank 1 of 3 died in: step 12: backward\n");
  expect_line(while_working.get(), "error: rank 1 of 3 died in: step 3: forward\n");
  expect_line(server_dies.get(), "error: rank 0 of 2 died in: saving\n");
  expect_line(server_hangs.get(), "error: rank 0 of 2 died in: step 7: reduce\n");
  expect_line(away.get(),
              "error: rank 0 of 2 failed: the connection to another rank broke in: step 5: reduce "
              "\\(Timed out waiting 2000ms.*\\)\n");
  expect_line(fails.get(), "error: rank 1 of 3 failed: step 12: the loss is NaN\n");
  expect_line(server_fails.get(), "error: rank 0 of 3 failed: the disk is full\n");
  EXPECT_TRUE(slow.get().is_good());
}

TEST(Liveness, AnErrorOfOneRankIsPassedOn) {
  const JobResult job = run_job("Fail", 3);
  EXPECT_EQ(job.errors[1], "error: step 12: the loss is NaN\n");
  EXPECT_EQ(job.ends[1].exit_code, 2);
  for (const std::size_t rank : {0, 2}) {
    EXPECT_EQ(job.errors[rank], "error: rank 1 of 3 failed: step 12: the loss is NaN\n");
    EXPECT_EQ(job.ends[rank].exit_code, 1);
  }
  EXPECT_LT(job.seconds, 10);
}

/// Unwound without fail_all().
TEST(Role, DISABLED_Forget) {
  const TestRank here;
  int code = 0;
  try {
    Communicator communicator(here, torch::kCPU);
    communicator.set_phase("evaluating");
    if (here.rank == 0) {
      throw std::runtime_error("lost");
    }
    communicator.barrier();
  } catch (const std::runtime_error&) {
    code = 3;
  }
  std::_Exit(code);
}

/// An exception in a thread that nobody watches, as c10d's own are.
TEST(Role, DISABLED_Uncaught) {
  const TestRank here;
  run_to_the_end(here, [&](Communicator& communicator) {
    if (here.rank == 1) {
      std::thread([] { throw std::runtime_error("a watchdog's fault"); }).join();
    }
    communicator.barrier();
  });
}

TEST(Liveness, NoExceptionOfARankIsTakenForItsGoodEnd) {
  const JobResult forgotten = run_job("Forget", 2);
  EXPECT_EQ(forgotten.ends[0].exit_code, 3);
  EXPECT_EQ(forgotten.errors[1], "error: rank 0 of 2 failed: it ended in: evaluating\n");
  const JobResult uncaught = run_job("Uncaught", 2);
  for (const std::size_t rank : {0, 1}) {
    EXPECT_EQ(uncaught.ends[rank].exit_code, 1);
    EXPECT_EQ(uncaught.errors[rank], "error: rank 1 of 2 failed: a watchdog's fault\n");
  }
}

}  // namespace
}  // namespace medisyn
