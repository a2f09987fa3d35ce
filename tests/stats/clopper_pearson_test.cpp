#include "medisyn/stats/clopper_pearson.h"

#include <gtest/gtest.h>

#include <cmath>

#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"

namespace medisyn {
namespace {

TEST(Golden, UpperBoundsEqualScipy) {
  const Json cases =
      Json::parse(read_file(std::string(MEDISYN_TEST_DATA) + "/memorization.json"))["upper_bounds"];
  ASSERT_EQ(cases.size(), 16U);
  for (const Json& entry : cases) {
    const double upper = entry["upper"];
    EXPECT_NEAR(clopper_pearson_upper(entry["hits"], entry["trials"]), upper, 1e-8 * upper) << entry.dump();
  }
}

TEST(ClopperPearson, ClosedForms) {
  EXPECT_NEAR(clopper_pearson_upper(0, 2000), 1 - std::pow(0.05, 1 / 2000.0), 1e-14);
  EXPECT_NEAR(clopper_pearson_upper(1, 2), std::sqrt(0.95), 1e-12);
  EXPECT_NEAR(clopper_pearson_upper(0, 1, 0.5), 0.5, 1e-15);
  EXPECT_EQ(clopper_pearson_upper(7, 7), 1);
}

}  // namespace
}  // namespace medisyn
