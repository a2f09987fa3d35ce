// A fresh, empty folder for one test.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace medisyn {

/// Made anew for the running test under the system's temporary folder.
inline std::filesystem::path fresh_folder(const std::string& name = "") {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "medisyn" /
                                       std::to_string(getpid()) /
                                       (std::string(test->test_suite_name()) + "." + test->name() + name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace medisyn
