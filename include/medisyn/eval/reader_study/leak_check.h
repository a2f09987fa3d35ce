// Can real and synthetic images of a study be told apart without looking at them?
#pragma once

#include <string>
#include <vector>

#include "medisyn/core/files.h"
#include "medisyn/eval/reader_study/key.h"
#include "medisyn/eval/reader_study/study.h"

namespace medisyn {

struct LeakTest {
  std::string property = {};  ///< "byte size"
  double auroc = 0.5;         ///< of synthetic against real; 0.5: the property says nothing
  double p = 1;               ///< two-sided rank test
};

/// Tests each property of a study's files alone: name, byte size, time stamp, width, height, number of
/// chunks, bytes of pixels, order in the folder, order in the study, side of a pair. Training tells the truth
/// and is left out.
std::vector<LeakTest> leak_tests(const fs::path& study_folder, const Study& study, const StudyKey& key);

/// Error naming the property when one separates them: p below 0.01 over the number of tests (Bonferroni).
void require_no_leak(const std::vector<LeakTest>& tests);

}  // namespace medisyn
