// The Python with the reference libraries, for tests that compare with them directly.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "medisyn/core/files.h"

namespace medisyn {

/// What scripts/setup_peers.sh made, or MEDISYN_PEERS_PYTHON. Empty without one.
inline fs::path peers_python() {
  const char* other = std::getenv("MEDISYN_PEERS_PYTHON");
  if (other != nullptr) {
    return other;
  }
  const fs::path peers = fs::path(MEDISYN_SOURCE) / ".venv-peers";
  return fs::exists(peers / ".requirements") ? peers / "bin/python" : fs::path();
}

/// Runs one of scripts/ with a folder as its argument, prints what it says and gives its exit status.
inline int run_peer(const std::string& script, const fs::path& folder) {
  const fs::path log = folder / "log";
  const std::string command =
      fmt::format("'{}' '{}' '{}' > '{}' 2>&1", peers_python().string(),
                  (fs::path(MEDISYN_SOURCE) / "scripts" / script).string(), folder.string(), log.string());
  const int status = std::system(command.c_str());
  std::printf("%s", read_file(log).c_str());
  return status;
}

}  // namespace medisyn
