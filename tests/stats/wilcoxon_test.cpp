#include "medisyn/stats/wilcoxon.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"

namespace medisyn {
namespace {

/// The formula of scripts/golden/memorization.py.
std::vector<double> golden_differences(std::int64_t n, std::int64_t step, std::int64_t shift,
                                       std::int64_t seed) {
  std::vector<double> differences;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t value = (i * 7919 + seed * 104729) % 65521;
    differences.push_back(static_cast<double>(4 * (value / step) + shift) / 1024);
  }
  return differences;
}

TEST(Golden, SignedRankTestEqualsScipy) {
  const Json cases =
      Json::parse(read_file(std::string(MEDISYN_TEST_DATA) + "/memorization.json"))["signed_rank"];
  ASSERT_EQ(cases.size(), 400U);
  for (const Json& entry : cases) {
    const std::vector<double> differences =
        golden_differences(entry["n"], entry["step"], entry["shift"], entry["seed"]);
    for (const auto& [alternative, name] :
         {std::pair{Alternative::kGreater, "greater"}, {Alternative::kLess, "less"}}) {
      const SignedRankTest test = wilcoxon_signed_rank(differences, alternative);
      EXPECT_EQ(test.statistic, entry["statistic"].get<double>()) << entry.dump();
      // scipy's erfc is 0 where the result would be subnormal.
      const double p = entry[name];
      EXPECT_NEAR(test.p, p, std::max(1e-9 * p, 1e-305)) << entry.dump();
      const double log10_p = entry[std::string("log10_") + name];
      EXPECT_NEAR(test.log10_p, log10_p, 1e-9 * std::max(std::abs(log10_p), 1e-3)) << entry.dump();
    }
  }
}

TEST(SignedRankTest, LogarithmIsRightWherePUnderflows) {
  for (const std::size_t n : {1800U, 1900U, 2000U, 10'000U}) {
    std::vector<double> all_above;
    for (std::size_t i = 1; i <= n; ++i) {
      all_above.push_back(static_cast<double>(i));
    }
    const SignedRankTest test = wilcoxon_signed_rank(all_above, Alternative::kGreater);
    // log10 of the normal tail at z = sqrt(3 n (n + 1) / (4 (2 n + 1) / 2)), by its leading terms.
    const auto m = static_cast<double>(n);
    const double z = m * (m + 1) / 4 / std::sqrt(m * (m + 1) * (2 * m + 1) / 24);
    const double leading =
        (-z * z / 2 - std::log(z * std::sqrt(2 * std::acos(-1.0))) - 1 / (z * z)) / std::log(10.0);
    EXPECT_NEAR(test.log10_p, leading, 1e-5);
    EXPECT_EQ(test.p == 0, n >= 2000);
    EXPECT_NEAR(wilcoxon_signed_rank(all_above, Alternative::kLess).p, 1, 1e-15);
  }
}

TEST(SignedRankTest, SeriesMeetsTheFunction) {
  // From one case to the next log10 p falls by nearly the same: no step where the series takes over.
  double last = 0;
  double last_fall = 0;
  for (std::size_t n = 1600; n < 1700; ++n) {
    std::vector<double> all_above;
    for (std::size_t i = 1; i <= n; ++i) {
      all_above.push_back(static_cast<double>(i));
    }
    const double log10_p = wilcoxon_signed_rank(all_above, Alternative::kGreater).log10_p;
    const double fall = last - log10_p;
    if (last_fall > 0) {
      EXPECT_NEAR(fall, last_fall, 1e-6) << n;
    }
    last_fall = last == 0 ? 0 : fall;
    last = log10_p;
  }
}

TEST(SignedRankTest, OfNothingButZerosIsOne) {
  for (const std::size_t n : {1U, 14U, 100U}) {
    const SignedRankTest test = wilcoxon_signed_rank(std::vector<double>(n), Alternative::kGreater);
    EXPECT_EQ(test.p, 1);
    EXPECT_EQ(test.log10_p, 0);
  }
  EXPECT_EQ(wilcoxon_signed_rank(std::vector<double>{0.5}, Alternative::kGreater).p, 0.5);
  EXPECT_THROW(wilcoxon_signed_rank({}, Alternative::kGreater), std::invalid_argument);
  EXPECT_THROW(wilcoxon_signed_rank(std::vector<double>{std::nan("")}, Alternative::kGreater),
               std::invalid_argument);
}

}  // namespace
}  // namespace medisyn
