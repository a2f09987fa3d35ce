#include "medisyn/eval/classify/subsets.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "../../expect_error.h"

namespace medisyn {
namespace {

using Members = std::vector<std::size_t>;

/// `counts` images of each class, `of_patient` of one patient after each other.
std::vector<SubsetItem> items_of(const std::vector<int>& counts, int of_patient = 1) {
  std::vector<SubsetItem> items;
  for (std::size_t c = 0; c < counts.size(); ++c) {
    for (int i = 0; i < counts[c]; ++i) {
      items.push_back(
          {fmt::format("{}-{}", c, i), fmt::format("class {}", c), fmt::format("{}-{}", c, i / of_patient)});
    }
  }
  return items;
}

std::map<std::string, int> strata_of(const std::vector<SubsetItem>& items, const Members& members) {
  std::map<std::string, int> counts;
  for (const std::size_t i : members) {
    ++counts[items[i].stratum];
  }
  return counts;
}

ClassifySubsetsConfig options(std::vector<double> fractions) {
  ClassifySubsetsConfig config;
  config.fractions = std::move(fractions);
  return config;
}

TEST(Subsets, NestedOnesHoldTheSmallerAndKeepTheClasses) {
  const auto items = items_of({400, 200, 57});
  const auto drawn = draw_subsets(items, options({1, 2.5, 10, 100}), 0);
  EXPECT_EQ(strata_of(items, drawn[0]), (std::map<std::string, int>{{"class 0", 4}, {"class 1", 2}}));
  EXPECT_EQ(strata_of(items, drawn[2]),
            (std::map<std::string, int>{{"class 0", 40}, {"class 1", 20}, {"class 2", 5}}));
  EXPECT_EQ(drawn[3].size(), items.size());
  for (std::size_t f = 1; f < drawn.size(); ++f) {
    EXPECT_TRUE(std::includes(drawn[f].begin(), drawn[f].end(), drawn[f - 1].begin(), drawn[f - 1].end()));
  }
}

TEST(Subsets, IndependentOnesAndOtherSeedsAreOthers) {
  const auto items = items_of({1000});
  auto config = options({10, 20});
  config.nested = false;
  const auto drawn = draw_subsets(items, config, 0);
  EXPECT_FALSE(std::includes(drawn[1].begin(), drawn[1].end(), drawn[0].begin(), drawn[0].end()));
  EXPECT_EQ(drawn, draw_subsets(items, config, 0));
  EXPECT_NE(drawn, draw_subsets(items, config, 1));
}

TEST(Subsets, DependOnIdsAndNotOnTheirOrder) {
  auto items = items_of({50, 50});
  const auto names = [&](const Members& members) {
    std::set<std::string> ids;
    for (const std::size_t i : members) {
      ids.insert(items[i].id);
    }
    return ids;
  };
  const auto before = names(draw_subsets(items, options({20}), 3)[0]);
  std::reverse(items.begin(), items.end());
  EXPECT_EQ(names(draw_subsets(items, options({20}), 3)[0]), before);
}

TEST(Subsets, WholePatientsNearTheirShare) {
  const auto items = items_of({100, 40}, 5);
  auto config = options({10, 30});
  config.by_patient = true;
  const auto drawn = draw_subsets(items, config, 0);
  std::map<std::string, int> images;
  for (const std::size_t i : drawn[1]) {
    ++images[items[i].group];
  }
  for (const auto& [patient, count] : images) {
    EXPECT_EQ(count, 5) << patient;
  }
  EXPECT_EQ(strata_of(items, drawn[1]), (std::map<std::string, int>{{"class 0", 30}, {"class 1", 10}}));
  EXPECT_TRUE(std::includes(drawn[1].begin(), drawn[1].end(), drawn[0].begin(), drawn[0].end()));
}

TEST(Subsets, RoundingRules) {
  const std::vector<std::int64_t> strata = {195, 105, 33};
  const auto by = [&](const std::string& rounding) {
    return allocate(strata, 10, std::nullopt, rounding, {});
  };
  EXPECT_EQ(by("floor"), (std::vector<std::int64_t>{19, 10, 3}));
  EXPECT_EQ(by("ceil"), (std::vector<std::int64_t>{20, 11, 4}));
  EXPECT_EQ(by("nearest"), (std::vector<std::int64_t>{20, 11, 3}));
  EXPECT_EQ(by("total"), (std::vector<std::int64_t>{19, 11, 3}));
  EXPECT_EQ(allocate({40}, 7.5, std::nullopt, "floor", {}), std::vector<std::int64_t>{3});
}

TEST(Subsets, PublishedSizesAreMetAndNested) {
  // Section 4.3.4, dermoscopy.
  const auto items = items_of({3000, 12000, 4000, 755});
  auto config = options({1, 2.5, 5, 7.5, 10, 25, 50, 100});
  config.sizes = {195, 492, 985, 1478, 1973, 4937, 9876, 19755};
  const auto drawn = draw_subsets(items, config, 0);
  for (std::size_t f = 0; f < drawn.size(); ++f) {
    EXPECT_EQ(std::ssize(drawn[f]), config.sizes[f]);
    if (f > 0) {
      EXPECT_TRUE(std::includes(drawn[f].begin(), drawn[f].end(), drawn[f - 1].begin(), drawn[f - 1].end()));
    }
  }
  config.sizes[6] = 20000;
  EXPECT_ERROR(draw_subsets(items, config, 0), "20000 images for 50 %, and the training set has 19755");
}

TEST(Subsets, ALargerPartTakesNothingFromAStratum) {
  // By largest remainders alone the third of 10 would fall from 2 to 1 (the Alabama paradox).
  const std::vector<std::int64_t> strata = {6, 6, 2};
  const auto ten = allocate(strata, 0, 10, "floor", {});
  const auto eleven = allocate(strata, 0, 11, "floor", ten);
  EXPECT_EQ(std::accumulate(eleven.begin(), eleven.end(), std::int64_t{0}), 11);
  for (std::size_t s = 0; s < strata.size(); ++s) {
    EXPECT_GE(eleven[s], ten[s]);
  }
  EXPECT_EQ(allocate(strata, 0, 11, "floor", {})[2], 1);
  EXPECT_EQ(ten[2], 2);
}

}  // namespace
}  // namespace medisyn
