// Who of a job's ranks still lives: no rank waits for one that is gone.
#pragma once

#include <c10/util/intrusive_ptr.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "medisyn/dist/ranks.h"

namespace c10d {
class Store;
}

namespace medisyn {

/// Counted in beats and not in seconds: a process that was stopped for a minute, or a store that answered
/// late, must not take the others for dead.
struct LivenessLimits {
  std::chrono::milliseconds beat{1000};
  std::int64_t silent_beats = 15;             ///< a rank that was silent for so long is dead
  std::int64_t silent_beats_once_broken = 5;  ///< when a connection to some rank broke as well
  std::int64_t store_beats = 15;              ///< a store that answers nothing for so long is gone
  std::chrono::seconds farewell{5};           ///< for which a failed rank serves the store to the others
};

/// A thread that writes into the job's store each second that this rank lives and what it is doing, reads the
/// same of the others, and ends this process with exit code 1 and one line when another failed or died, or
/// when the store is gone:
///
///     rank 1 of 4 died in: step 12: backward
///     rank 1 of 4 failed: loss is NaN at step 12
///
/// The main thread may be busy as long as it likes. An exception that no thread catches is told the others as
/// well, where it would have called std::terminate().
class Liveness {
 public:
  /// `store`: a connection that nobody else uses. `server`: the rank that serves it, or -1 for the launcher.
  Liveness(c10::intrusive_ptr<c10d::Store> store, const Rank& rank, std::int64_t server,
           LivenessLimits limits = {});

  /// Says goodbye, unless fail() was called. The rank that serves the store stays until the others have left.
  ~Liveness();
  Liveness(const Liveness&) = delete;
  Liveness& operator=(const Liveness&) = delete;

  /// What this rank does from now on, in one line. Costs a mutex and a string.
  void set_phase(std::string phase);
  std::string phase() const;

  /// The ranks that have not come within this time.
  std::vector<std::int64_t> wait_for_everyone(std::chrono::milliseconds timeout);

  /// Tells the others "rank 1 of 4 failed: <line>", which ends them. This process does not end by it, but
  /// should soon: 20 s later it is ended. Where another failed before, this process is ended with that one's
  /// line instead.
  void fail(const std::string& line);

  /// Ends this process when a collective threw, as it does when the process at the other end is gone: with
  /// the line of the rank that failed or died, once it is known which, or else with one of its own.
  [[noreturn]] void end_by_broken_connection(const std::exception& error);

 private:
  class Watch;
  std::unique_ptr<Watch> watch_;
};

/// True for what c10d, Gloo and NCCL throw when a connection broke or a rank did not answer in time.
bool is_broken_connection(const std::exception& error);

/// The first line, without the backtrace that torch's errors carry; of a broken connection the reason alone.
std::string first_line_of(const std::exception& error);

}  // namespace medisyn
