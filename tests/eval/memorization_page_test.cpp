#include "medisyn/eval/memorization_page.h"

#include <gmock/gmock.h>

#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

using testing::HasSubstr;
using testing::Not;

Record record(const std::string& name, const std::string& text) {
  Record made;
  made.file_name = made.id = name;
  made.text = text;
  return made;
}

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    ++found;
  }
  return found;
}

TEST(MemorizationPage, ShowsNearPairsClosestFirst) {
  const fs::path folder = fresh_folder();
  for (const std::string name : {"a", "b", "c", "r"}) {
    write_file(folder / (name + ".png"), encode_png({16, 16, std::vector<std::uint8_t>(768, 100)}));
  }
  const Manifest generated{
      folder,
      {record("a.png", "<script>alert(1)</script>"), record("b.png", "near"), record("c.png", "far")}};
  const Manifest training{folder, {record("r.png", "")}};
  const std::vector<NearestPair> pairs = {{.image = 0, .cosine = 0.9, .distance = 0.12},
                                          {.image = 1, .cosine = 0.99, .distance = 0.01},
                                          {.image = 2, .cosine = 0.5, .distance = 0.3}};
  const std::vector<ImageKind> kinds(3, {"Radiology", "CT"});
  const auto scored = scored_images(pairs, kinds, training, DistanceKind::kPaper);
  const MemorizationTable table{.generated = score_specialties(scored),
                                .all = score_all(scored),
                                .held_out = score_specialties(scored)};
  const auto page = [&](std::size_t most) {
    return memorization_page({table}, pairs, generated, kinds, training,
                             {.method = "by features", .most_pairs = most});
  };
  const std::string html = page(200);
  EXPECT_THAT(html, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(1)"));
  EXPECT_THAT(html, HasSubstr("2 of 3 pairs lie at or below 0.25."));
  EXPECT_EQ(count(html, "<div class=\"compare\">"), 2U);
  EXPECT_EQ(count(html, "data:image/jpeg"), 6U);
  EXPECT_LT(html.find("generated: b.png"), html.find("generated: a.png"));
  EXPECT_THAT(html, Not(HasSubstr("generated: c.png")));
  EXPECT_EQ(count(html, "src=\"http") + count(html, "href=\"http"), 0U);
  EXPECT_THAT(html, HasSubstr("Held-out real images at or below each threshold"));
  EXPECT_THAT(html, HasSubstr("generated: 0.05 33.3"));  // the chart in words
  EXPECT_THAT(page(1), HasSubstr("; the closest 1 are shown"));
  EXPECT_EQ(count(page(1), "<div class=\"compare\">"), 1U);
}

}  // namespace
}  // namespace medisyn
