#include "medisyn/report/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace medisyn {
namespace {

TEST(Html, EverythingFromFilesIsEscaped) {
  EXPECT_EQ(escape_html("<b a=\"x\">'&'</b>"), "&lt;b a=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/b&gt;");
  const std::string table = html_table({"<h>"}, {{"<script>alert(1)</script>"}});
  EXPECT_THAT(table, testing::Not(testing::HasSubstr("<script>")));
  EXPECT_THAT(table, testing::HasSubstr("&lt;h&gt;"));
}

TEST(Html, JsonCannotEndItsScript) {
  const std::string json = script_json({{"a", "</script><script>"}});
  EXPECT_THAT(json, testing::Not(testing::HasSubstr("<")));
  EXPECT_EQ(Json::parse(json)["a"], "</script><script>");
  EXPECT_NO_THROW(script_json("\xFF not UTF-8"));
}

TEST(Html, Base64OfRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

TEST(Html, PicturesAreInline) {
  const std::string html = inline_image({1, 2, {0, 0, 0, 255, 255, 255}}, "two \"pixels\"");
  EXPECT_THAT(html, testing::HasSubstr("src=\"data:image/png;base64,iVBOR"));
  EXPECT_THAT(html, testing::HasSubstr("alt=\"two &quot;pixels&quot;\""));
}

}  // namespace
}  // namespace medisyn
