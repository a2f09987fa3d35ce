#include "medisyn/curate/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace medisyn {
namespace {

TEST(Workers, EveryNumberOnce) {
  std::vector<std::atomic<int>> seen(1000);
  std::int64_t last = 0;
  for_each_parallel(
      1000, 3, [&](std::int64_t i) { ++seen[static_cast<std::size_t>(i)]; },
      [&](std::int64_t done) { last = done; });
  for (const auto& count : seen) {
    EXPECT_EQ(count, 1);
  }
  EXPECT_EQ(last, 1000);
  for_each_parallel(
      0, 3, [](std::int64_t) { FAIL(); }, [](std::int64_t) {});
}

TEST(Workers, TheFirstFaultEndsAll) {
  std::atomic<int> done = 0;
  const auto work = [&](std::int64_t i) {
    if (i == 10) {
      throw std::runtime_error("ten");
    }
    ++done;
  };
  EXPECT_THROW(for_each_parallel(1'000'000, 2, work, [](std::int64_t) {}), std::runtime_error);
  EXPECT_LT(done, 1'000'000);
  EXPECT_THROW(
      for_each_parallel(
          1'000'000, 2, [](std::int64_t) {}, [](std::int64_t) { throw std::runtime_error("watch"); }),
      std::runtime_error);
}

}  // namespace
}  // namespace medisyn
