#include "medisyn/core/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "medisyn/core/log.h"

namespace medisyn {
namespace {

TEST(Progress, Durations) {
  EXPECT_EQ(format_duration(0.4), "0 s");
  EXPECT_EQ(format_duration(59.6), "1 min 00 s");
  EXPECT_EQ(format_duration(200), "3 min 20 s");
  EXPECT_EQ(format_duration(3900), "1 h 05 min");
}

TEST(Progress, LastLineSaysWhatWasDone) {
  testing::internal::CaptureStderr();
  Progress progress("train", 10, "images");
  progress.update(10, "loss 0.5");
  progress.finish();
  progress.finish();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::MatchesRegex("[^\n]*train 10/10 images  loss 0.5  [^\n]* images/s  0 s[^\n]*\n"));
}

TEST(Progress, AnEarlierRunsWorkIsNotCountedForTheRate) {
  testing::internal::CaptureStderr();
  Progress progress("train", 10, "images", 10);
  progress.finish();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("train 10/10 images  0.0 images/s"));
}

TEST(Progress, QuietPrintsNothing) {
  set_quiet(true);
  testing::internal::CaptureStderr();
  Progress progress("train", 10, "images");
  progress.finish();
  log_info("hidden {}", 1);
  log_warning("shown {}", 2);
  set_quiet(false);
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, testing::HasSubstr("warning: shown 2"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("hidden")));
}

}  // namespace
}  // namespace medisyn
