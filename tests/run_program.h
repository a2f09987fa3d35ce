// Runs the medisyn program as a user would.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace medisyn {

struct ProgramResult {
  int exit_code = -1;
  std::string output;  ///< stdout
  std::string errors;  ///< stderr
  double seconds = 0;
};

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Starts `medisyn arguments...` in `folder`; 128 + signal when a signal ended it.
inline pid_t start_program(const std::vector<std::string>& arguments, const std::filesystem::path& folder) {
  std::vector<std::string> words = {MEDISYN_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  const int flags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, (folder / ".stdout").c_str(), flags, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, (folder / ".stderr").c_str(), flags, 0600);
  pid_t child = 0;
  const int status = posix_spawn(&child, MEDISYN_PROGRAM, &actions, nullptr, argv.data(), environ);
  EXPECT_EQ(status, 0) << "cannot start " << MEDISYN_PROGRAM;
  posix_spawn_file_actions_destroy(&actions);
  return child;
}

/// The process ids of the ranks that a launcher started.
inline std::vector<pid_t> ranks_of(pid_t launcher) {
  std::vector<pid_t> ranks;
  const auto tasks =
      std::filesystem::path("/proc") / std::to_string(launcher) / "task" / std::to_string(launcher);
  std::istringstream children(slurp(tasks / "children"));
  for (pid_t child = 0; children >> child;) {
    ranks.push_back(child);
  }
  return ranks;
}

inline ProgramResult wait_for(pid_t child, const std::filesystem::path& folder) {
  int status = 0;
  waitpid(child, &status, 0);
  ProgramResult result;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.output = slurp(folder / ".stdout");
  result.errors = slurp(folder / ".stderr");
  return result;
}

inline ProgramResult run_program(const std::vector<std::string>& arguments,
                                 const std::filesystem::path& folder) {
  const auto start = std::chrono::steady_clock::now();
  ProgramResult result = wait_for(start_program(arguments, folder), folder);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace medisyn
