#include "medisyn/core/utf8.h"

#include <gtest/gtest.h>

#include "../expect_error.h"

namespace medisyn {
namespace {

using namespace std::string_literals;

TEST(Utf8, WholeCharactersAreFine) {
  for (const char* text :
       {"", "plain\ttext\r\n", "\xEF\xBB\xBFmark", "\xC2\x80\xDF\xBF", "\xE0\xA0\x80\xED\x9F\xBF",
        "\xEE\x80\x80\xEF\xBF\xBF", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", "µ 図 \xF0\x9F\xA9\xBB"}) {
    EXPECT_NO_THROW(check_utf8(text, "t")) << text;
  }
}

TEST(Utf8, EverythingElseIsRefusedWithItsLine) {
  const std::vector<std::string> broken{"\xE9",      // Latin-1
                                        "\x80",      // a second byte alone
                                        "\xC0\xAF",  // too long a form of "/"
                                        "\xC1\xBF",
                                        "\xE0\x9F\xBF",
                                        "\xF0\x8F\xBF\xBF",
                                        "\xED\xA0\x80",      // half of a surrogate pair
                                        "\xF4\x90\x80\x80",  // beyond U+10FFFF
                                        "\xF5\x80\x80\x80",
                                        "\xC3",  // cut short
                                        "\xE2\x82",
                                        "\xF0\x9F\xA9",
                                        "\xE2\x82x",
                                        "\0"s};
  for (const std::string& bytes : broken) {
    EXPECT_ERROR(check_utf8("a\nb\n" + bytes, "t.csv"), "t.csv:3: expected UTF-8 text, found the byte 0x");
    EXPECT_ERROR(check_utf8(bytes + "\na", "t.csv"), "t.csv:1: ");
  }
  EXPECT_ERROR(check_utf8("\xE9", "t"), "found the byte 0xE9; save the file as UTF-8");
}

}  // namespace
}  // namespace medisyn
