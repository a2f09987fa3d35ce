// Jobs of several processes: this test program, started once for each rank in a role, which is a disabled
// test.
//
//     TEST(Role, DISABLED_Sum) { const TestRank here; ... }     what each rank does
//     run_job("Sum", 4)                                         starts four, by run_ranks()
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/dist/ranks.h"

namespace medisyn {

constexpr const char* kJobFolder = "MEDISYN_TEST_FOLDER";

/// The arguments that make this program play a role. Its result is an exit code: of all that write a job's
/// results (GTEST_OUTPUT) only the program that started it may.
inline std::vector<std::string> role_arguments(const std::string& role) {
  return {"role", fmt::format("--gtest_filter=Role.DISABLED_{}", role), "--gtest_also_run_disabled_tests",
          "--gtest_brief=1", "--gtest_output="};
}

/// Whoever plays a role says first which rank it is; what it writes to stderr goes into the job's folder. A
/// role that is run by hand is skipped.
struct TestRank : Rank {
  TestRank() : Rank(this_rank()) {
    const char* folder = std::getenv(kJobFolder);
    if (folder == nullptr) {
      std::printf("this is a role of other tests\n");
      std::_Exit(0);
    }
    if (std::freopen(fmt::format("{}/{}", folder, rank).c_str(), "w", stderr) == nullptr) {
      std::_Exit(99);
    }
  }

  static std::filesystem::path folder() { return std::getenv(kJobFolder); }
};

struct JobResult {
  std::vector<RankEnd> ends;
  std::vector<std::string> errors;  ///< of each rank, what it wrote to stderr
  double seconds = 0;

  bool is_good() const {
    return std::all_of(ends.begin(), ends.end(), [](const RankEnd& end) { return end.is_good(); });
  }
};

inline JobResult result_of(std::vector<RankEnd> ends, const std::filesystem::path& folder,
                           std::chrono::steady_clock::time_point start) {
  JobResult result{.ends = std::move(ends), .errors = {}};
  for (std::size_t rank = 0; rank < result.ends.size(); ++rank) {
    const auto file = folder / std::to_string(rank);
    result.errors.push_back(std::filesystem::exists(file) ? read_file(file) : "");
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

/// Ranks whose launcher serves their store and ends them all.
inline JobResult run_job(const std::string& role, std::int64_t world, std::filesystem::path folder = {}) {
  if (folder.empty()) {
    folder = fresh_folder(role);
  }
  setenv(kJobFolder, folder.c_str(), 1);
  const auto start = std::chrono::steady_clock::now();
  auto ends = run_ranks(world, role_arguments(role), OnFailure::kStopOthers);
  unsetenv(kJobFolder);
  return result_of(std::move(ends), folder, start);
}

/// A port that was free a moment ago.
inline int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(socket, reinterpret_cast<sockaddr*>(&address), size), 0);
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  close(socket);
  return ntohs(address.sin_port);
}

inline pid_t start_process(std::vector<std::string> arguments,
                           const std::map<std::string, std::string>& variables) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    environment.emplace_back(*entry);
  }
  for (const auto& [name, value] : variables) {
    environment.push_back(fmt::format("{}={}", name, value));
  }
  const auto pointers = [](std::vector<std::string>& words) {
    std::vector<char*> list;
    for (std::string& word : words) {
      list.push_back(word.data());
    }
    list.push_back(nullptr);
    return list;
  };
  pid_t child = 0;
  EXPECT_EQ(posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, pointers(arguments).data(),
                        pointers(environment).data()),
            0);
  return child;
}

/// A process that stopped itself is killed when all others have ended.
inline std::vector<RankEnd> wait_for_processes(const std::vector<pid_t>& children) {
  std::vector<RankEnd> ends(children.size());
  std::size_t running = children.size(), stopped = 0;
  while (running > 0) {
    for (std::size_t i = 0; i < children.size(); ++i) {
      int status = 0;
      if (waitpid(children[i], &status, WNOHANG | WUNTRACED) != children[i]) {
        continue;
      }
      if (WIFSTOPPED(status)) {
        ++stopped;
      } else {
        --running;
        ends[i] = {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                   .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0};
      }
    }
    if (running > 0 && running == stopped) {
      stopped = 0;
      for (std::size_t i = 0; i < children.size(); ++i) {
        if (ends[i].is_good()) {
          kill(children[i], SIGKILL);
        }
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return ends;
}

/// Ranks without a launcher that would look after them: rank 0 serves the store. Jobs may run side by side.
inline JobResult run_job_alone(const std::string& role, std::int64_t world,
                               const std::filesystem::path& folder) {
  const auto start = std::chrono::steady_clock::now();
  const std::string port = std::to_string(free_port());
  std::vector<pid_t> children;
  for (std::int64_t rank = 0; rank < world; ++rank) {
    children.push_back(start_process(role_arguments(role), {{"RANK", std::to_string(rank)},
                                                            {"LOCAL_RANK", std::to_string(rank)},
                                                            {"WORLD_SIZE", std::to_string(world)},
                                                            {"MASTER_ADDR", "127.0.0.1"},
                                                            {"MASTER_PORT", port},
                                                            {"OMP_NUM_THREADS", "1"},
                                                            {kJobFolder, folder.string()}}));
  }
  return result_of(wait_for_processes(children), folder, start);
}

}  // namespace medisyn
