#include "medisyn/train/batch_queue.h"

#include <torch/types.h>

#include <atomic>
#include <chrono>

#include "../expect_error.h"

namespace medisyn {
namespace {

/// Step n has n % 3 + 1 parts of one draw each.
std::vector<MicroBatch> plan(std::int64_t step) {
  std::vector<MicroBatch> parts;
  for (std::int64_t micro = 0; micro <= step % 3; ++micro) {
    parts.push_back({.micro = micro, .is_last = micro == step % 3, .draws = {{.index = step * 10 + micro}}});
  }
  return parts;
}

TEST(BatchQueue, GivesAllPartsInTheirOrderWhateverTheThreads) {
  for (const std::int64_t threads : {1, 4}) {
    BatchQueue queue(
        2, 30, plan,
        [](const std::vector<SampleDraw>& draws) -> Batch {
          std::this_thread::sleep_for(std::chrono::microseconds(100 * (draws[0].index % 7)));
          return {{"index", torch::tensor(draws[0].index)}};
        },
        threads);
    for (std::int64_t step = 2; step < 30; ++step) {
      for (std::int64_t micro = 0; micro <= step % 3; ++micro) {
        const MicroBatch part = queue.next();
        EXPECT_EQ(part.batch.at("index").item<std::int64_t>(), step * 10 + micro);
        EXPECT_EQ(part.micro, micro);
        EXPECT_EQ(part.is_last, micro == step % 3);
      }
    }
  }
}

TEST(BatchQueue, ReadsAheadButNotWithoutEnd) {
  std::atomic<int> loaded = 0;
  BatchQueue queue(
      0, 1000, plan,
      [&](const std::vector<SampleDraw>&) {
        ++loaded;
        return Batch();
      },
      2);
  for (int i = 0; i < 200 && loaded < 4; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(loaded, 4);  // two a thread
  queue.next();
  for (int i = 0; i < 200 && loaded < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(loaded, 5);
}

TEST(BatchQueue, AnErrorComesWhereItsBatchWouldHave) {
  BatchQueue queue(
      0, 10, plan,
      [](const std::vector<SampleDraw>& draws) -> Batch {
        if (draws[0].index == 11) {
          throw Error("image 11 is broken");
        }
        return {};
      },
      3);
  queue.next();
  queue.next();
  EXPECT_ERROR(queue.next(), "image 11 is broken");
}

}  // namespace
}  // namespace medisyn
