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

TEST(SampleOrder, WithoutBalanceEachImageComesOnceAnEpoch) {
  SampleOrder order(names(50), types(40, 10), {}, 1);
  std::vector<std::int64_t> first;
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::set<std::int64_t> seen;
    for (const SampleDraw& draw : order.draws(epoch * 50, 50)) {
      seen.insert(draw.index);
      EXPECT_EQ(draw.epoch, epoch);
      if (epoch == 0) {
        first.push_back(draw.index);
      }
    }
    EXPECT_EQ(seen.size(), 50U);
  }
  std::vector<std::int64_t> second;
  for (const SampleDraw& draw : order.draws(50, 50)) {
    second.push_back(draw.index);
  }
  EXPECT_NE(first, second);
}

TEST(SampleOrder, BatchesCutTheSameListWhateverTheirSize) {
  SampleOrder order(names(30), types(20, 10), {{"CT", 1}, {"MRI", 3}}, 5);
  SampleOrder again(names(30), types(20, 10), {{"CT", 1}, {"MRI", 3}}, 5);
  const auto whole = order.draws(0, 96);
  for (const std::int64_t batch : {1, 7, 32}) {
    for (std::int64_t n = 0; n + batch <= 96; n += batch) {
      const auto part = again.draws(n, batch);
      for (std::size_t i = 0; i < part.size(); ++i) {
        EXPECT_EQ(part[i].key("noise"), whole[static_cast<std::size_t>(n) + i].key("noise"));
      }
    }
  }
}

TEST(SampleOrder, BalanceGivesEachTypeItsShareAndEachImageItsTurn) {
  SampleOrder order(names(100), types(90, 10), {{"CT", 1}, {"MRI", 1}}, 2);
  std::map<std::int64_t, int> times;
  std::set<std::uint32_t> keys;
  for (const SampleDraw& draw : order.draws(0, 900)) {
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
  EXPECT_ERROR(SampleOrder(names(2), types(1, 1), {{"OCT", 1}}, 0),
               "data.balance: OCT: no training image is of this type");
  EXPECT_ERROR(SampleOrder(names(2), types(1, 1), {{"CT", 0}}, 0), "data.balance: all shares are 0");
}

}  // namespace
}  // namespace medisyn
