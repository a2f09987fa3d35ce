#include "medisyn/report/table.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace medisyn {
namespace {

TEST(Table, PadsByCharactersNotBytes) {
  EXPECT_EQ(text_table({"type", "n"}, {{"MRI", "12"}, {"\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9", "3"}}),
            "type    n\n"
            "---------\n"
            "MRI    12\n"
            "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9   3\n");
}

TEST(Table, ShortRowsAreRefused) { EXPECT_THROW(text_table({"a", "b"}, {{"1"}}), std::out_of_range); }

}  // namespace
}  // namespace medisyn
