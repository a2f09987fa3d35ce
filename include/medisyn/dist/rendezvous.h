// Where the ranks of a job meet: out of what torchrun, run_ranks(), SLURM or mpirun tell them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace medisyn {

/// A key-value store on a port: ranks that know nothing of each other find the others there.
struct Rendezvous {
  std::string host;
  std::uint16_t port = 0;
  /// Rank 0 serves the store, and it is gone with that rank; else the launcher does.
  bool is_served_by_first = true;
  /// In front of every key, so that an attempt never reads what another job or an earlier attempt left.
  std::string job;

  /// On this machine alone.
  bool is_local() const { return host == "127.0.0.1" || host == "localhost"; }
};

/// MASTER_ADDR and MASTER_PORT where they are set: by run_ranks() and by torchrun, whose agent serves the
/// store (TORCHELASTIC_USE_AGENT_STORE), or by the user. Else, in an srun step, the first node of
/// SLURM_STEP_NODELIST (SLURM_JOB_NODELIST, SLURM_NODELIST), and for mpirun on one machine 127.0.0.1, with a
/// port that comes out of the job's id. Error when these do not suffice; it says what to set.
Rendezvous find_rendezvous();

/// The hosts of SLURM's compact list: "gpu[01-03,7],login" -> gpu01, gpu02, gpu03, gpu7, login. Error when it
/// is no such list.
std::vector<std::string> expand_node_list(std::string_view list);

}  // namespace medisyn
