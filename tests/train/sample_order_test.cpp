#include "medisyn/train/sample_order.h"

#include <map>
#include <set>

#include "../expect_error.h"

namespace medisyn {
namespace {

std::vector<std::string> names(int count) {
  std::vector<std::string> ids;
  for (int i = 0; i < count; ++i) {
    ids.push_back("image" + std::to_string(i));
  }
  return ids;
}

std::vector<std::string> types(int cts, int mris) {
  std::vector<std::string> list(static_cast<std::size_t>(cts), "CT");
  list.insert(list.end(), static_cast<std::size_t>(mris), "MRI");
  return list;
}

/// The draws of some steps in a row.
std::vector<SampleDraw> steps(SampleOrder& order, std::int64_t first, std::int64_t last) {
  std::vector<SampleDraw> all;
  for (std::int64_t step = first; step < last; ++step) {
    const auto batch = order.batch(step);
    all.insert(all.end(), batch.begin(), batch.end());
  }
  return all;
}

std::vector<std::uint32_t> noise_keys(const std::vector<SampleDraw>& draws) {
  std::vector<std::uint32_t> keys;
  for (const SampleDraw& draw : draws) {
    keys.push_back(draw.key("noise"));
  }
  return keys;
}

TEST(SampleOrder, WithoutBalanceEachImageComesOnceAnEpoch) {
  SampleOrder order(names(50), types(40, 10), {}, 1, 8);
  EXPECT_EQ(order.steps_per_epoch(), 7);
  EXPECT_EQ(order.batch(6).size(), 2U);  // what is left of the epoch
  EXPECT_EQ(order.batch(7).size(), 8U);
  std::vector<std::vector<std::int64_t>> orders;
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::set<std::int64_t> seen;
    orders.emplace_back();
    for (const SampleDraw& draw : steps(order, epoch * 7, epoch * 7 + 7)) {
      seen.insert(draw.index);
      orders.back().push_back(draw.index);
      EXPECT_EQ(draw.epoch, epoch);
    }
    EXPECT_EQ(seen.size(), 50U);
  }
  EXPECT_NE(orders[0], orders[1]);
}

TEST(SampleOrder, BatchesCutTheSameListWhateverTheirSize) {
  const auto keys_with = [](std::int64_t batch_size) {
    SampleOrder order(names(30), types(20, 10), {{"CT", 1}, {"MRI", 3}}, 5, batch_size);
    return noise_keys(steps(order, 0, 3 * order.steps_per_epoch()));
  };
  const auto whole = keys_with(30);
  EXPECT_EQ(whole.size(), 90U);
  for (const std::int64_t size : {1, 7, 32}) {
    EXPECT_EQ(keys_with(size), whole) << size;
  }
}

TEST(SampleOrder, SharesOfRanksMakeUpTheBatch) {
  SampleOrder order(names(11), types(11, 0), {}, 5, 8);
  for (const std::int64_t step : {0, 1}) {  // of 8 and of 3 draws
    const auto batch = order.batch(step);
    for (const std::int64_t world : {1, 2, 4}) {
      std::vector<SampleDraw> joined;
      for (std::int64_t rank = 0; rank < world; ++rank) {
        const auto share = share_of(batch, rank, world);
        EXPECT_LE(std::ssize(share), (std::ssize(batch) + world - 1) / world);
        joined.insert(joined.end(), share.begin(), share.end());
      }
      EXPECT_EQ(noise_keys(joined), noise_keys(batch));
    }
  }
}

TEST(SampleOrder, BalanceGivesEachTypeItsShareAndEachImageItsTurn) {
  SampleOrder order(names(100), types(90, 10), {{"CT", 1}, {"MRI", 1}}, 2, 64);
  std::map<std::int64_t, int> times;
  std::set<std::uint32_t> keys;
  for (const SampleDraw& draw : steps(order, 0, 9 * order.steps_per_epoch())) {
    ++times[draw.index];
    keys.insert(draw.key("noise"));
  }
  EXPECT_EQ(keys.size(), 900U);
  int mri = 0;
  for (const auto& [index, count] : times) {
    mri += index >= 90 ? count : 0;
    EXPECT_EQ(count, index >= 90 ? 45 : 5);
  }
  EXPECT_EQ(mri, 450);
}

TEST(SampleOrder, KeysDifferByPurposeEpochAndSeed) {
  const SampleDraw draw{.index = 0, .epoch = 1, .repeat = 0, .id_hash = 7, .seed = 3};
  SampleDraw later = draw;
  later.epoch = 2;
  SampleDraw other = draw;
  other.seed = 4;
  EXPECT_NE(draw.key("noise"), draw.key("timestep"));
  EXPECT_NE(draw.key("noise"), later.key("noise"));
  EXPECT_NE(draw.key("noise"), other.key("noise"));
}

TEST(SampleOrder, TypesWithoutImagesAreRefused) {
  EXPECT_ERROR(SampleOrder(names(2), types(1, 1), {{"OCT", 1}}, 0, 1),
               "data.balance: OCT: no training image is of this type");
  EXPECT_ERROR(SampleOrder(names(2), types(1, 1), {{"CT", 0}}, 0, 1), "data.balance: all shares are 0");
}

}  // namespace
}  // namespace medisyn
