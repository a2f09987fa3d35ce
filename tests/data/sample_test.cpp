#include "medisyn/data/sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "../expect_error.h"

namespace medisyn {
namespace {

Manifest numbered(int count) {
  Manifest manifest{"data", {}};
  for (int i = 0; i < count; ++i) {
    Record record;
    record.file_name = fmt::format("{:04}.png", i);
    manifest.records.push_back(record);
  }
  return manifest;
}

std::vector<std::string> names(const Manifest& manifest) {
  std::vector<std::string> list;
  for (const Record& record : manifest.records) {
    list.push_back(record.file_name);
  }
  return list;
}

TEST(Sample, DrawsWithoutReplacementInOrder) {
  const std::vector<std::string> drawn = names(sample(numbered(200), 50, 3));
  EXPECT_EQ(drawn.size(), 50U);
  EXPECT_TRUE(std::is_sorted(drawn.begin(), drawn.end()));
  EXPECT_EQ(std::set<std::string>(drawn.begin(), drawn.end()).size(), 50U);
  EXPECT_EQ(names(sample(numbered(20), 20, 3)), names(numbered(20)));
  EXPECT_EQ(names(sample(numbered(20), 0, 3)), names(numbered(20)));
}

TEST(Sample, DependsOnTheSeedAndNotOnTheOrder) {
  Manifest reversed = numbered(200);
  std::reverse(reversed.records.begin(), reversed.records.end());
  std::vector<std::string> backwards = names(sample(reversed, 50, 3));
  std::reverse(backwards.begin(), backwards.end());
  EXPECT_EQ(backwards, names(sample(numbered(200), 50, 3)));
  EXPECT_NE(names(sample(numbered(200), 50, 4)), names(sample(numbered(200), 50, 3)));
}

TEST(Sample, IsEven) {
  // Each of 40 records is drawn 10 of 40 times on average: over 400 seeds 100 +- 4.5 sigma of 8.7.
  std::vector<int> hits(40, 0);
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    for (const std::string& name : names(sample(numbered(40), 10, seed))) {
      ++hits[static_cast<std::size_t>(std::stoi(name))];
    }
  }
  for (const int count : hits) {
    EXPECT_NEAR(count, 100, 39);
  }
}

TEST(Sample, MoreThanThereAreIsAnError) {
  EXPECT_ERROR(sample(numbered(3), 4, 0), "data: a sample of 4 records was asked for, but there are 3");
  EXPECT_ERROR(sample(numbered(3), -1, 0), "a sample of -1 records");
}

}  // namespace
}  // namespace medisyn
