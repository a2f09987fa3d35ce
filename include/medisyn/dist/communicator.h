// What the ranks of a data-parallel training say to each other.
#pragma once

#include <torch/types.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "medisyn/dist/ranks.h"

namespace c10d {
class ProcessGroup;
}

namespace medisyn {

/// This rank's place among the ranks of a job. Every rank must call the same collectives in the same order.
///
/// A rank that fails, dies or loses its machine ends all others within 30 s with exit code 1 and a line of
/// its rank and phase (see liveness.h): a collective that breaks does not come back to the caller. The many
/// lines of c10d itself are seen with TORCH_CPP_LOG_LEVEL=WARNING.
class Communicator {
 public:
  static constexpr std::chrono::seconds kTimeout{600};

  /// A world of one: no socket, no thread; every collective leaves its tensor as it is.
  Communicator();

  /// Joins the job that find_rendezvous() finds; Gloo on a CPU, NCCL on a GPU with Gloo beside it for tensors
  /// of the host. A world of one is that of the constructor above. `timeout`: how long a collective waits for
  /// a rank that lives but does not come, for example because it saves. Error when not all ranks come within
  /// two minutes, naming those that did not.
  Communicator(const Rank& rank, torch::Device device, std::chrono::seconds timeout = kTimeout);

  /// Leaves the job: the others see it as done, or, when an exception is on its way and fail_all() was not
  /// called, as failed. Rank 0 may wait here for the others while it serves their store.
  ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  const Rank& rank() const { return rank_; }
  bool is_first() const { return rank_.rank == 0; }
  std::int64_t world() const { return rank_.world; }

  /// The sum over all ranks, in place; of tensors of the device or of the host. Of a sum the same bits come
  /// to every rank.
  void sum(torch::Tensor& tensor);

  /// The tensor of rank `root`, in place on all others.
  void broadcast(torch::Tensor& tensor, std::int64_t root = 0);

  /// First element and count of this rank's part of `size` elements that are shared out: equal parts, of a
  /// multiple of 8 elements so that each begins aligned, and what is left over for the last rank (fewer than
  /// 8 x world elements). A part may be empty when there are few.
  std::pair<std::int64_t, std::int64_t> slice(std::int64_t size) const;

  /// `flat` [P], contiguous, of which each rank holds slice(P) -> the whole, on every rank.
  void gather_slices(torch::Tensor& flat);

  /// One text a rank, in their order, on every rank.
  std::vector<std::string> gather(const std::string& text);

  /// Waits for all ranks; work on the GPU may still run.
  void barrier();

  /// What this rank does from now on ("loading", "step 12: backward"): said when it dies. Cheap.
  void set_phase(std::string phase);

  /// Tells the others why this rank ends: theirs is the line "rank 1 of 4 failed: <line>". This rank should
  /// end at once; 20 s later it is ended. When another rank failed before, it ends here with that one's line.
  void fail_all(const std::string& line);

  /// The same out of a catch block: Communicator ranks(..); try { .. } catch (const std::exception& error)
  /// { ranks.fail_all(error); throw; }. What a broken connection threw, in a backward pass say, is not told
  /// but explained: this process ends here with the line of the rank that broke it.
  void fail_all(const std::exception& error);

  /// c10d's group, for GradientReducer; nullptr in a world of one.
  c10d::ProcessGroup* group() const;

 private:
  struct Group;

  template <class Collective>
  void run(const Collective& collective);

  Rank rank_;
  std::unique_ptr<Group> group_;
};

}  // namespace medisyn
