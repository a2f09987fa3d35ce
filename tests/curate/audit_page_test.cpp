#include "medisyn/curate/audit_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "../fresh_folder.h"
#include "audit_study.h"
#include "medisyn/core/version.h"
#include "medisyn/report/html.h"

namespace medisyn {
namespace {

using testing::HasSubstr;
using testing::Not;

const fs::path kMerges = fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt";

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) {
    ++found;
  }
  return found;
}

std::string page_of(const Manifest& manifest, LeftOut left_out = study_left_out(),
                    const Tokenizer* tokenizer = nullptr, const AuditPageOptions& options = {}) {
  return audit_page(manifest, make_audit(manifest, study_repositories(), std::move(left_out), tokenizer, 2),
                    options);
}

TEST(AuditPage, ShowsWhatIsInTheSet) {
  const Manifest manifest = write_study(fresh_folder());
  const std::string html = page_of(manifest);
  for (const char* part :
       {"10 image-text pairs out of 3 repositories", "<b>10</b><span>3 train, 3 validation, 4 test</span>",
        "<b>3</b><span>2 exact, 1 near</span>", "none stands on two sides", "1 without an image",
        "\"groups\":[\"Dermoscopy\",\"X-ray\"]",
        "<td>Dermoscopy</td><td>3</td><td>3</td><td>0</td><td>6</td><td>60.0 %</td>", "50.0 : 50.0 : 0.0",
        "<p>Repositories that state no licence: empty.</p>",
        "<h3>skin<small>Dermoscopy; 6 images</small></h3>", "2 images, 1 kept (skin)",
        "3 images of 2 patients, 1 kept (chest 2, skin 1)", "no tokenizer was named",
        "not a picture: cut short at byte 120", "one.png, two, &quot;b&quot;.png", "(no label)",
        "<td>CC-BY-4.0</td>"}) {
    EXPECT_THAT(html, HasSubstr(part));
  }
  // 6 of skin and 4 of chest; of the duplicates' files none is there.
  EXPECT_EQ(count(html, "data:image/jpeg;base64,"), 10U);
  EXPECT_EQ(count(html, "<i>not kept</i>"), 3U);
  EXPECT_THAT(html, Not(HasSubstr("Pictures drawn for this page")));
}

TEST(AuditPage, LoadsNothingAndRunsNothingFromFiles) {
  Manifest manifest = write_study(fresh_folder());
  manifest.records[0].text = "<img src=x onerror=alert(1)>\"'\xFF";
  manifest.records[1].labels = {"</details></script><script>alert(2)</script>"};
  manifest.records[2].image_type = "</script><script>alert(3)</script>";
  const std::string html = page_of(manifest);
  EXPECT_THAT(html, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(html, Not(HasSubstr("<img src=x")));
  for (const char* forbidden :
       {"<link", "@import", "src=\"http", "href=\"http", "url(", "fetch(\"", "<iframe", "<a href=\"h"}) {
    EXPECT_THAT(html, Not(HasSubstr(forbidden))) << forbidden;
  }
}

TEST(AuditPage, NamesNoPatientNoImageAndNoFolder) {
  const Tokenizer tokenizer(ClipTokenizer::from_merges(kMerges, 8));
  const Manifest manifest = write_study(fresh_folder());
  const std::string html = page_of(manifest, study_left_out(), &tokenizer);
  for (const char* secret : {"SECRET", "/home/me", "a/one.png", "skin-0", "chest-6", "images/"}) {
    EXPECT_THAT(html, Not(HasSubstr(secret))) << secret;
  }
  EXPECT_THAT(html, HasSubstr("longer than the tokenizer"));
}

TEST(AuditPage, EmptyStates) {
  const std::string nothing = page_of({}, {});
  for (const char* part : {"0 image-text pairs", "There is no image in the set.", "No image was found twice.",
                           "None: every file was read.", "No tokenizer was named",
                           "without an image in the set: skin, empty, chest."}) {
    EXPECT_THAT(nothing, HasSubstr(part));
  }
  const Tokenizer tokenizer(ClipTokenizer::from_merges(kMerges, 77));
  EXPECT_THAT(page_of(study_manifest(), {}, &tokenizer),
              HasSubstr("All of them fit into the tokenizer&#39;s 77 tokens"));
  EXPECT_NO_THROW(audit_page({}, make_audit({}, {}, {}, nullptr, 1), {}));
}

TEST(AuditPage, MissingAndBrokenPicturesAreCounted) {
  const Manifest manifest = write_study(fresh_folder());
  fs::remove(image_path(manifest, manifest.records[3]));
  write_file(image_path(manifest, manifest.records[7]), "no picture");
  const std::string html = page_of(manifest);
  EXPECT_THAT(html, HasSubstr("could not be read: 2."));
  EXPECT_EQ(count(html, "<i>cannot be read</i>"), 2U);
}

TEST(AuditPage, WarnsOfADividedGroup) {
  Manifest manifest = study_manifest();
  manifest.records[0].split = "test";
  const std::string html = page_of(manifest);
  EXPECT_THAT(html, HasSubstr("Groups that stand on two sides of the split: 1."));
  EXPECT_THAT(html, HasSubstr("1 on two sides"));
}

/// 40 groups of 5 images in one repository. The picture of image i is recognised by its caption.
Manifest many_groups() {
  Manifest manifest{"nowhere", {}};
  for (int i = 0; i < 200; ++i) {
    Record record = study_record(0);
    record.id = fmt::format("n{}", i);
    record.group_id = fmt::format("g{}", i / 5);
    record.text = fmt::format("caption of group {} image {}", i / 5, i);
    manifest.records.push_back(record);
  }
  return manifest;
}

/// The drawn captions, in order.
std::vector<std::string> drawn(const Manifest& manifest, const AuditPageOptions& options) {
  const std::string html = page_of(manifest, {}, nullptr, options);
  std::vector<std::string> captions;
  const std::string start = "<div class=\"thumb\" title=\"";
  for (std::size_t at = html.find(start); at != std::string::npos; at = html.find(start, at + 1)) {
    captions.push_back(html.substr(at + start.size(), html.find('"', at + start.size()) - at - start.size()));
  }
  return captions;
}

TEST(AuditPage, PicturesAreDrawnByTheSeedAndSpreadOverGroups) {
  Manifest manifest = many_groups();
  const std::vector<std::string> first = drawn(manifest, {.seed = 1});
  ASSERT_EQ(first.size(), 8U);
  std::set<std::string> groups;
  for (const std::string& caption : first) {
    groups.insert(caption.substr(0, caption.find(" image")));
  }
  EXPECT_EQ(groups.size(), 8U);
  EXPECT_NE(drawn(manifest, {.seed = 2}), first);
  std::mt19937 random(7);
  std::shuffle(manifest.records.begin(), manifest.records.end(), random);
  EXPECT_EQ(drawn(manifest, {.seed = 1}), first);  // the order of the records does not matter
  // Two groups: the other six are of these as well.
  for (Record& record : manifest.records) {
    record.group_id = record.id < "n5" ? "a" : "b";
  }
  EXPECT_EQ(drawn(manifest, {.seed = 1}).size(), 8U);
  manifest.records.resize(3);
  EXPECT_EQ(drawn(manifest, {.seed = 1}).size(), 3U);
}

TEST(AuditPage, ManyClustersAreDrawnAndEqualPicturesShownOnce) {
  const fs::path folder = fresh_folder();
  const Manifest manifest = write_study(folder);
  LeftOut left_out;
  for (int i = 0; i < 60; ++i) {
    DuplicateCluster cluster;
    for (int k = 0; k < 2 + i; ++k) {
      cluster.members.push_back({.id = fmt::format("{}-{}", i, k),
                                 .repository = "skin",
                                 .is_kept = k == 0,
                                 .is_exact_copy = k > 0 && i % 2 == 0,
                                 .picture = image_path(manifest, manifest.records[0])});
    }
    left_out.duplicates.push_back(cluster);
  }
  const std::string html = page_of(manifest, left_out);
  // 14 clusters, 3 of them of equal pictures. Ten pictures are the repositories'.
  EXPECT_EQ(count(html, "class=\"cluster\""), 14U);
  EXPECT_LE(count(html, "data:image/jpeg;base64,"), 10U + 11U * 8U + 3U);
  EXPECT_GE(count(html, "data:image/jpeg;base64,"), 10U + 6U * 8U + 3U);
  EXPECT_EQ(count(html, "thumb marked"), 14U);
  EXPECT_THAT(html, HasSubstr("61 images, 1 kept (skin)"));  // the largest near one
}

TEST(AuditPage, StaysSmallWithThirtyRepositories) {
  const fs::path folder = fresh_folder();
  Image noise{128, 128, {}};  // the worst to compress
  std::mt19937 random(1);
  for (int i = 0; i < 128 * 128 * 3; ++i) {
    noise.pixels.push_back(static_cast<std::uint8_t>(random() % 256));
  }
  write_file(folder / "a.png", encode_png(noise));
  Manifest manifest{folder, {}};
  for (int i = 0; i < 30 * 10; ++i) {
    Record record = study_record(0);
    record.file_name = "a.png";
    record.id = record.group_id = std::to_string(i);
    record.repository = fmt::format("r{}", i % 30);
    manifest.records.push_back(record);
  }
  const Audit audit = make_audit(manifest, {}, {}, nullptr, 2);
  const std::string html = audit_page(manifest, audit, {.threads = 2});
  EXPECT_EQ(count(html, "data:image/jpeg;base64,"), 240U);
  EXPECT_LT(html.size(), 5'000'000U);
}

}  // namespace
}  // namespace medisyn
