// A plain list of name -> function, and its help.
#pragma once

#include <span>
#include <string>

namespace medisyn {

struct Subcommand {
  const char* name;
  int (*run)(int argc, char** argv);
  const char* what;
};

/// Runs the one that argv[1] names, its argv[0] being "PARENT NAME"; --help prints the list, and so does
/// nothing at all, with exit code 2. Error with the nearest name for one that is not there.
int run_subcommand(const std::string& parent, const std::string& about, std::span<const Subcommand> commands,
                   int argc, char** argv);

}  // namespace medisyn
