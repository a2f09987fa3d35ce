// Several processes that share one job: started here with --nproc, or by torchrun, SLURM or mpirun.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace medisyn {

/// One process of a job.
struct Rank {
  std::int64_t rank = 0;        ///< 0 to world - 1
  std::int64_t world = 1;       ///< processes of the job
  std::int64_t local_rank = 0;  ///< among those of this machine: the GPU that it takes
};

/// What the launcher says of this process: RANK, WORLD_SIZE and LOCAL_RANK (torchrun, run_ranks()),
/// SLURM_PROCID, SLURM_NTASKS and SLURM_LOCALID inside an srun step, or OMPI_COMM_WORLD_RANK, _SIZE and
/// _LOCAL_RANK; rank 0 of 1 without any. Error when the three do not fit together.
Rank this_rank();

/// True in a process that run_ranks() started: it is a rank, whatever its --nproc says.
bool is_launched_rank();

/// Lets such a process end with SIGTERM when its launcher is gone.
void end_with_launcher();

/// How a rank ended.
struct RankEnd {
  int exit_code = 0;
  int signal = 0;               ///< that killed it, or 0
  bool is_consequence = false;  ///< it ended after another had failed, and would not have by itself

  bool is_good() const { return exit_code == 0 && signal == 0; }
};

/// What run_ranks() does when one of its ranks fails.
enum class OnFailure {
  kOthersGoOn,  ///< ranks that share nothing: each does what it can
  kStopOthers,  ///< ranks that a Communicator joins: none gets far without the one that failed
};

/// Starts this program `count` times with the same arguments, each with its rank in the environment and its
/// share of the CPU's threads unless OMP_NUM_THREADS is set, and waits for all. New processes, because torch
/// does not outlive a fork. Ctrl-C, SIGTERM and SIGUSR1 are passed on. In the order of the ranks.
///
/// kStopOthers: this process serves the store in which they meet (MASTER_ADDR, MASTER_PORT; on a port of this
/// machine alone, which the system chooses), and writes there which rank died in which phase. The others end
/// by that; those that have not after 5 s get SIGTERM, and 10 s later SIGKILL.
std::vector<RankEnd> run_ranks(std::int64_t count, const std::vector<std::string>& arguments,
                               OnFailure on_failure = OnFailure::kOthersGoOn);

/// "rank 1 of 4 was killed by signal 9 (Killed)", one line for each rank that ended badly by itself.
std::vector<std::string> describe_failures(const std::vector<RankEnd>& ends);

}  // namespace medisyn
