#include "medisyn/dist/ranks.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <thread>

#include "medisyn/core/error.h"
#include "medisyn/core/interrupt.h"
#include "medisyn/core/numbers.h"

extern char** environ;

namespace medisyn {
namespace {

constexpr const char* kLaunched = "MEDISYN_LAUNCHED";  ///< holds the launcher's process id
constexpr const char* kThreads = "OMP_NUM_THREADS";

/// What a launcher calls rank, world size and local rank.
struct Names {
  const char* rank;
  const char* world;
  const char* local_rank;
};

constexpr Names kLaunchers[]{
    {"RANK", "WORLD_SIZE", "LOCAL_RANK"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
    {"SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"},
};

std::int64_t number_in(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) {
    fail("{} is not set beside the other variables of the launcher", name);
  }
  const auto value = parse_number<std::int64_t>(text);
  if (!value || *value < 0) {
    fail("{}={}: expected a whole number of at least 0", name, text);
  }
  return *value;
}

/// This environment with some variables set to other values.
std::vector<std::string> environment_with(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!changes.contains(text.substr(0, text.find('=')))) {
      result.push_back(text);
    }
  }
  for (const auto& [name, value] : changes) {
    result.push_back(fmt::format("{}={}", name, value));
  }
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) {
    list.push_back(word.data());
  }
  list.push_back(nullptr);
  return list;
}

pid_t start_rank(std::int64_t rank, std::int64_t count, std::vector<std::string> arguments) {
  std::map<std::string, std::string> changes{{"RANK", fmt::format("{}", rank)},
                                             {"LOCAL_RANK", fmt::format("{}", rank)},
                                             {"WORLD_SIZE", fmt::format("{}", count)},
                                             {kLaunched, fmt::format("{}", getpid())}};
  if (std::getenv(kThreads) == nullptr) {
    const std::int64_t cores = std::max(1U, std::thread::hardware_concurrency());
    changes[kThreads] = fmt::format("{}", std::max<std::int64_t>(1, cores / count));
  }
  std::vector<std::string> environment = environment_with(changes);
  // A group of its own: Ctrl-C at the terminal comes to the launcher alone, which passes it on once.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  pid_t child = 0;
  const int error = posix_spawn(&child, "/proc/self/exe", nullptr, &attributes, pointers(arguments).data(),
                                pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    fail("rank {} cannot be started: {}", rank, std::strerror(error));
  }
  return child;
}

RankEnd end_of(int status) {
  return WIFSIGNALED(status) ? RankEnd{.exit_code = 0, .signal = WTERMSIG(status)}
                             : RankEnd{.exit_code = WEXITSTATUS(status), .signal = 0};
}

/// Waits for all, passing one interrupt on.
std::vector<RankEnd> wait_for(const std::vector<pid_t>& children) {
  std::vector<std::optional<RankEnd>> ends(children.size());
  bool passed_on = false;
  const auto is_running = [](const std::optional<RankEnd>& end) { return !end; };
  while (std::any_of(ends.begin(), ends.end(), is_running)) {
    if (interrupted() && !passed_on) {
      passed_on = true;
      for (std::size_t i = 0; i < children.size(); ++i) {
        if (!ends[i]) {
          kill(children[i], interrupt_exit_code() - 128);
        }
      }
    }
    for (std::size_t i = 0; i < children.size(); ++i) {
      int status = 0;
      if (!ends[i] && waitpid(children[i], &status, WNOHANG) == children[i]) {
        ends[i] = end_of(status);
      }
    }
    constexpr useconds_t kPause = 20'000;  // microseconds: ranks work for minutes
    usleep(kPause);
  }
  std::vector<RankEnd> result;
  for (const auto& end : ends) {
    result.push_back(*end);
  }
  return result;
}

}  // namespace

Rank this_rank() {
  for (const Names& names : kLaunchers) {
    if (std::getenv(names.rank) == nullptr) {
      continue;
    }
    // Inside a batch script that is no step of its own SLURM sets the first two, and one process is meant.
    if (names.rank == std::string_view("SLURM_PROCID") && std::getenv("SLURM_STEP_ID") == nullptr) {
      continue;
    }
    const Rank rank{.rank = number_in(names.rank),
                    .world = number_in(names.world),
                    .local_rank = number_in(names.local_rank)};
    if (rank.rank >= rank.world || rank.local_rank >= rank.world) {
      fail("{}={}, {}={}, {}={}: expected ranks below the number of processes", names.rank, rank.rank,
           names.world, rank.world, names.local_rank, rank.local_rank);
    }
    return rank;
  }
  return {};
}

bool is_launched_rank() { return std::getenv(kLaunched) != nullptr; }

void end_with_launcher() {
  if (is_launched_rank()) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
  }
}

std::vector<RankEnd> run_ranks(std::int64_t count, const std::vector<std::string>& arguments) {
  std::vector<pid_t> children;
  for (std::int64_t rank = 0; rank < count; ++rank) {
    children.push_back(start_rank(rank, count, arguments));
  }
  return wait_for(children);
}

std::vector<std::string> describe_failures(const std::vector<RankEnd>& ends) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (ends[i].signal != 0) {
      lines.push_back(fmt::format("rank {} of {} was killed by signal {} ({})", i, ends.size(),
                                  ends[i].signal, strsignal(ends[i].signal)));
    } else if (!ends[i].is_good()) {
      lines.push_back(
          fmt::format("rank {} of {} ended with exit code {}", i, ends.size(), ends[i].exit_code));
    }
  }
  return lines;
}

}  // namespace medisyn
