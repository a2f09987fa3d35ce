#include "medisyn/core/numbers.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace medisyn {
namespace {

TEST(Numbers, TakeTheWholeTextOrNothing) {
  EXPECT_EQ(parse_number<std::int64_t>("-12"), -12);
  EXPECT_EQ(parse_number<double>("1.5e-1"), 0.15);
  for (const char* text : {"", " 1", "1 ", "1.5", "+1", "0x1", "9223372036854775808"}) {
    EXPECT_EQ(parse_number<std::int64_t>(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_number<double>("1,5"), std::nullopt);
}

}  // namespace
}  // namespace medisyn
