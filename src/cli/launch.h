// Starting the processes of a training, and what is told of it.
#pragma once

#include <functional>
#include <string>

#include "medisyn/cli/options.h"
#include "medisyn/dist/ranks.h"

namespace medisyn {

/// The command as it was typed, quotes put back where a word needs them.
std::string typed_command(int argc, char** argv);

/// Runs `work` as one rank of a job that computes together: as the rank that torchrun, SLURM, mpirun or this
/// function's own launcher made of this process, or starts --nproc of them (all GPUs of this machine where
/// --nproc and --device are left open) and gives the exit code of the first that failed. `command` is the
/// subcommand's name.
int run_together(const CommonOptions& options, const CLI::App& app, const std::string& command, int argc,
                 char** argv, const std::function<int(const Rank&)>& work);

}  // namespace medisyn
