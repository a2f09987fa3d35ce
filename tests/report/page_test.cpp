#include "medisyn/report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace medisyn {
namespace {

TEST(Page, HoldsItsPartsAndAsksNobody) {
  Page page("A <title>", "sub & title");
  page.add_cards({{"label", "42 %", "<note>"}});
  page.open_section("Part & parcel");
  page.add_text("a < b");
  page.add_note({"</div>"});
  page.add_charts({{.heading = "Loss", .label = "loss", .curves = {{"all", {{0, 1}, {10, 0.5}}}}},
                   {.heading = "Without points", .label = "", .curves = {{"none", {}}}}});
  page.set_footer("the <end>");
  const std::string html = page.html();
  for (const char* part :
       {"<h1>A &lt;title&gt;</h1>", "sub &amp; title", "&lt;note&gt;", "<p>a &lt; b</p>",
        "<p>&lt;/div&gt;</p>", "<a href=\"#section1\">Part &amp; parcel</a>",
        "<section id=\"section1\"><h2>Part &amp; parcel</h2>", "[[0.0,1.0],[10.0,0.5]]",
        "aria-label=\"Loss; all: from 1 to 0.5 at step 10\"", "Chart.js v3", "the &lt;end&gt;"}) {
    EXPECT_THAT(html, testing::HasSubstr(part));
  }
  EXPECT_THAT(html, testing::Not(testing::HasSubstr("Without points")));
}

TEST(Page, BandsAroundACurve) {
  Page page("t", "s");
  page.add_charts({{.heading = "AUROC",
                    .label = "",
                    .curves = {{"real", {{1, 0.5}, {10, 0.75}}, {{0.25, 0.75}, {0.5, 1}}}},
                    .x_logarithmic = true}});
  EXPECT_THAT(page.html(), testing::HasSubstr("\"x_logarithmic\":true"));
  EXPECT_THAT(page.html(), testing::HasSubstr("\"band\":[[0.25,0.75],[0.5,1.0]]"));
}

TEST(Page, LoadsNothing) {
  Page page("t", "s");
  page.open_section("a");
  page.add_charts({{.heading = "c", .label = "", .curves = {{"x", {{0, 1}}}}}});
  const std::string html = page.html();
  // Chart.js names its home page in a comment; nothing else holds an address, and every link stays on the
  // page.
  for (const char* forbidden :
       {"<link", "@import", "src=\"http", "href=\"http", "url(", "fetch(\"", "<iframe"}) {
    EXPECT_THAT(html, testing::Not(testing::HasSubstr(forbidden)));
  }
  EXPECT_THAT(html, testing::HasSubstr("prefers-color-scheme: dark"));
}

TEST(Page, BarsWithoutAValueAreLeftOut) {
  Page page("t", "s");
  page.add_chart({.heading = "Share",
                  .label = "%",
                  .groups = {"CT", "</script>"},
                  .bars = {{"x", {80, std::numeric_limits<double>::quiet_NaN()}}},
                  .most = 100,
                  .line = 50,
                  .line_name = "chance"});
  const std::string html = page.html();
  EXPECT_THAT(html, testing::HasSubstr("\"values\":[80.0,null]"));
  EXPECT_THAT(html, testing::HasSubstr("\"groups\":[\"CT\",\"\\u003c/script>\"]"));
  EXPECT_THAT(html, testing::HasSubstr("aria-label=\"Share; chance: 50; x: CT 80\""));
}

TEST(Page, CountsAreNamedAndHaveRoom) {
  Page page("t", "s");
  page.add_count_chart({.heading = "Images",
                        .label = "images",
                        .groups = {"CT", "</script>"},
                        .bars = {{"train", {1014781, 0}}, {"test", {1, 2}}}});
  const std::string html = page.html();
  EXPECT_THAT(html, testing::HasSubstr(R"("counts":[{"name":"train","values":[1014781,0]},)"));
  EXPECT_THAT(html, testing::HasSubstr("\"groups\":[\"CT\",\"\\u003c/script>\"]"));
  EXPECT_THAT(html,
              testing::HasSubstr("aria-label=\"Images; train: CT 1014781 &lt;/script&gt; 0; test: CT 1 "));
  EXPECT_THAT(html, testing::HasSubstr("class=\"chart\" style=\"height:188px\""));  // 96 + 2 (14 + 2 * 16)
}

TEST(Page, WithoutChartsHoldsNoScript) {
  EXPECT_THAT(Page("t", "s").html(), testing::Not(testing::HasSubstr("<script")));
}

}  // namespace
}  // namespace medisyn
