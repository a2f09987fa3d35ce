#include "medisyn/dist/ranks.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include "job_store.h"
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

/// With SIGUSR1 held back until watch_interrupts() lets it through: it would kill a rank that still starts.
sigset_t signals_held_back() {
  sigset_t signals;
  pthread_sigmask(SIG_SETMASK, nullptr, &signals);
  sigaddset(&signals, SIGUSR1);
  return signals;
}

/// `more`: variables beside those of every rank.
pid_t start_rank(std::int64_t rank, std::int64_t count, std::vector<std::string> arguments,
                 const std::map<std::string, std::string>& more) {
  std::map<std::string, std::string> changes{{"RANK", fmt::format("{}", rank)},
                                             {"LOCAL_RANK", fmt::format("{}", rank)},
                                             {"WORLD_SIZE", fmt::format("{}", count)},
                                             {kLaunched, fmt::format("{}", getpid())}};
  changes.insert(more.begin(), more.end());
  if (std::getenv(kThreads) == nullptr) {
    const std::int64_t cores = std::max(1U, std::thread::hardware_concurrency());
    changes[kThreads] = fmt::format("{}", std::max<std::int64_t>(1, cores / count));
  }
  std::vector<std::string> environment = environment_with(changes);
  // A group of its own: Ctrl-C at the terminal comes to the launcher alone, which passes it on once.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setpgroup(&attributes, 0);
  const sigset_t held_back = signals_held_back();
  posix_spawnattr_setsigmask(&attributes, &held_back);
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

/// The processes of one run_ranks().
class Children {
 public:
  explicit Children(std::vector<pid_t> processes)
      : processes_(std::move(processes)), ends_(processes_.size()) {}

  bool is_any_running() const {
    return std::any_of(ends_.begin(), ends_.end(), [](const auto& end) { return !end; });
  }

  void send(int signal) const {
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      if (!ends_[i]) {
        kill(processes_[i], signal);
      }
    }
  }

  /// An interrupt once, a request to save each time.
  void pass_signals_on() {
    if (interrupted() && !passed_interrupt_on_) {
      passed_interrupt_on_ = true;
      send(interrupt_exit_code() - 128);
    }
    if (save_requested()) {
      send(SIGUSR1);
    }
  }

  /// The ranks that ended since the last time.
  std::vector<std::size_t> collect() {
    std::vector<std::size_t> ended;
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      int status = 0;
      if (!ends_[i] && waitpid(processes_[i], &status, WNOHANG) == processes_[i]) {
        ends_[i] = end_of(status);
        ended.push_back(i);
      }
    }
    return ended;
  }

  RankEnd& end(std::size_t rank) { return *ends_[rank]; }

  /// A rank that leaves because it was interrupted has not failed.
  bool has_failed(std::size_t rank) const {
    const RankEnd& end = *ends_[rank];
    return !end.is_good() && !(interrupted() && (end.exit_code == interrupt_exit_code() ||
                                                 end.signal == interrupt_exit_code() - 128));
  }

  std::vector<RankEnd> ends() const {
    std::vector<RankEnd> result;
    for (const auto& end : ends_) {
      result.push_back(*end);
    }
    return result;
  }

 private:
  std::vector<pid_t> processes_;
  std::vector<std::optional<RankEnd>> ends_;
  bool passed_interrupt_on_ = false;
};

void pause_shortly() {
  constexpr useconds_t kPause = 20'000;  // microseconds: ranks work for minutes
  usleep(kPause);
}

std::vector<RankEnd> wait_for_each(Children children) {
  while (children.is_any_running()) {
    children.pass_signals_on();
    children.collect();
    pause_shortly();
  }
  return children.ends();
}

std::string how_it_ended(const RankEnd& end) {
  return end.signal != 0 ? fmt::format("signal {}, {}", end.signal, strsignal(end.signal))
                         : fmt::format("exit code {}", end.exit_code);
}

/// Ranks that end together: the first that fails is written into the store, and then the others have some
/// time.
class Downfall {
 public:
  Downfall(c10d::Store& store, std::int64_t world) : store_(store), world_(world) {}

  bool has_begun() const { return begin_.has_value(); }

  void begin(std::int64_t rank, const RankEnd& end) {
    begin_ = Clock::now();
    RankRecord record{.text = "starting"};
    if (store_.check({rank_key(rank)})) {
      record = parse_record(store_.get(rank_key(rank)));
    }
    if (record.state == RankRecord::State::kAlive) {  // it had no time to write a reason of its own
      const std::string line = death_line(rank, world_, record.text);
      write_record(
          store_, rank,
          {.state = RankRecord::State::kEnded, .text = fmt::format("{} ({})", line, how_it_ended(end))});
    }
  }

  void go_on(const Children& children) {
    constexpr std::chrono::seconds kByThemselves{5}, kToSave{10};
    const auto since = Clock::now() - *begin_;
    if (since > kByThemselves && signals_ == 0) {
      ++signals_;
      children.send(SIGTERM);
    } else if (since > kByThemselves + kToSave && signals_ == 1) {
      ++signals_;
      children.send(SIGKILL);
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  c10d::Store& store_;
  std::int64_t world_;
  std::optional<Clock::time_point> begin_;
  int signals_ = 0;
};

std::vector<RankEnd> wait_for_all_or_stop(Children children, Downfall downfall) {
  while (children.is_any_running()) {
    children.pass_signals_on();
    for (const std::size_t rank : children.collect()) {
      if (downfall.has_begun()) {
        children.end(rank).is_consequence = true;
      } else if (children.has_failed(rank)) {
        downfall.begin(static_cast<std::int64_t>(rank), children.end(rank));
      }
    }
    if (downfall.has_begun()) {
      downfall.go_on(children);
    }
    pause_shortly();
  }
  return children.ends();
}

Children start_ranks(std::int64_t count, const std::vector<std::string>& arguments,
                     const std::map<std::string, std::string>& more) {
  std::vector<pid_t> processes;
  for (std::int64_t rank = 0; rank < count; ++rank) {
    processes.push_back(start_rank(rank, count, arguments, more));
  }
  return Children(std::move(processes));
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

std::vector<RankEnd> run_ranks(std::int64_t count, const std::vector<std::string>& arguments,
                               OnFailure on_failure) {
  if (on_failure == OnFailure::kOthersGoOn) {
    return wait_for_each(start_ranks(count, arguments, {}));
  }
  const auto server = serve_store();
  c10d::PrefixStore store(kLaunchedJob, server);
  return wait_for_all_or_stop(
      start_ranks(count, arguments,
                  {{"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", fmt::format("{}", server->getPort())}}),
      Downfall(store, count));
}

std::vector<std::string> describe_failures(const std::vector<RankEnd>& ends) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (ends[i].is_consequence) {
      continue;
    }
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
