// A fresh, empty folder for one test, or for the tests of one suite.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace medisyn {

/// Made anew for the running test, or in SetUpTestSuite() for the suite, under the system's temporary folder.
inline std::filesystem::path fresh_folder(const std::string& name = "") {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  const auto* suite = testing::UnitTest::GetInstance()->current_test_suite();
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "medisyn" / std::to_string(getpid()) /
      (std::string(suite->name()) + "." + (test == nullptr ? "" : test->name()) + name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace medisyn
