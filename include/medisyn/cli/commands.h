// The subcommands: each takes its own part of the command line and gives an exit code.
#pragma once

namespace medisyn {

int curate_command(int argc, char** argv);
int cache_command(int argc, char** argv);
int train_command(int argc, char** argv);
int generate_command(int argc, char** argv);
int eval_command(int argc, char** argv);
int model_command(int argc, char** argv);
int report_command(int argc, char** argv);

}  // namespace medisyn
