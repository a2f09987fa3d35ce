#include "medisyn/curate/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "../fresh_folder.h"
#include "audit_study.h"
#include "medisyn/curate/datasheet.h"
#include "medisyn/io/csv.h"

namespace medisyn {
namespace {

using Row = std::vector<std::string>;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const fs::path kMerges = fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt";

Audit study_audit(const Manifest& manifest, const Tokenizer* tokenizer = nullptr) {
  return make_audit(manifest, study_repositories(), study_left_out(), tokenizer, 2);
}

std::vector<Row> rows_of(const fs::path& file) { return read_csv(file).rows; }

TEST(Audit, CountsByHand) {
  const Manifest manifest = study_manifest();
  const Audit audit = study_audit(manifest);
  EXPECT_THAT(audit.images.sides, ElementsAre(3, 3, 4));
  EXPECT_EQ(audit.images.total, 10);
  EXPECT_THAT(audit.patients.sides, ElementsAre(1, 1, 1));
  EXPECT_EQ(audit.groups.total, 3);
  EXPECT_EQ(audit.captions, 3);
  EXPECT_EQ(audit.groups_on_two_sides, 0);
  EXPECT_EQ(audit.patients_on_two_sides, 0);
  ASSERT_EQ(audit.repositories.size(), 3U);
  EXPECT_EQ(audit.repositories[1].images.total, 0);
  EXPECT_EQ(audit.repositories[2].studies, 2);
  EXPECT_EQ(audit.repositories[2].videos, 1);
  EXPECT_EQ(audit.repositories[0].image_types, "Dermoscopy");
  EXPECT_EQ(audit.classes.at({"skin", "mole"}).total, 6);  // a label that stands twice counts once
  EXPECT_EQ(audit.classes.at({"skin", "scar"}).total, 1);
  EXPECT_EQ(audit.classes.at({"chest", ""}).total, 4);
  EXPECT_EQ(audit.transforms.at("16x16, <none>"), 10);
  EXPECT_FALSE(audit.long_captions);
  const RemovedDuplicates removed = count_removed(audit.left_out.duplicates);
  EXPECT_EQ(removed.exact, 2);
  EXPECT_EQ(removed.near, 1);
  EXPECT_TRUE(is_exact(audit.left_out.duplicates[0]));
  EXPECT_FALSE(is_exact(audit.left_out.duplicates[1]));
}

TEST(Audit, SeesWhatStandsOnTwoSidesOrNone) {
  Manifest manifest = study_manifest();
  manifest.records[0].split = "test";  // patient 0 and group 0 stand on train as well
  manifest.records[9].split = "held back";
  const Audit audit = study_audit(manifest);
  EXPECT_EQ(audit.groups_on_two_sides, 1);
  EXPECT_EQ(audit.patients_on_two_sides, 1);
  EXPECT_THAT(audit.patients.sides, ElementsAre(1, 1, 2));
  EXPECT_EQ(audit.patients.total, 3);
  EXPECT_THAT(audit.images.sides, ElementsAre(2, 3, 4));
  EXPECT_EQ(audit.images.total, 10);
}

TEST(Audit, RepositoriesThatNobodyListedComeLast) {
  Manifest manifest = study_manifest();
  const Audit audit = make_audit(manifest, {study_repositories()[2]}, {}, nullptr, 1);
  ASSERT_EQ(audit.repositories.size(), 2U);
  EXPECT_EQ(audit.repositories[1].repository.name, "skin");
  EXPECT_EQ(audit.repositories[1].repository.licence, "CC0-1.0");
}

TEST(Audit, OfNothing) {
  const fs::path folder = fresh_folder();
  const Audit audit = make_audit({}, {}, {}, nullptr, 2);
  write_audit_tables(folder, audit);
  EXPECT_THAT(rows_of(folder / "counts_by_image_type.csv"), ElementsAre(Row{"total", "0", "0", "0", "0"}));
  EXPECT_TRUE(rows_of(folder / "rejected.csv").empty());
  EXPECT_THAT(datasheet(audit, {}), HasSubstr(kToBeAnswered));
}

// Against counting in the plainest way.
TEST(Audit, RandomManifestsAreCountedAsByHand) {
  std::mt19937 random(3);
  const auto below = [&](unsigned n) { return std::to_string(random() % n); };
  for (int round = 0; round < 20; ++round) {
    Manifest manifest;
    for (unsigned i = 0; i < 200; ++i) {
      Record record;
      record.id = std::to_string(i);
      record.text = "caption " + below(20);
      record.repository = "r" + below(3);
      record.patient_id = below(30);
      record.image_type = "t" + below(4);
      record.specialty = "s" + below(2);
      record.labels = {"a" + below(3), "b" + below(3)};
      record.split = kSideNames.at(random() % kSides);
      manifest.records.push_back(record);
    }
    const Audit audit = make_audit(manifest, {}, {}, nullptr, 1);
    std::set<std::string> captions, patients;
    std::map<std::pair<std::string, std::string>, std::int64_t> types, patients_of;
    std::map<std::pair<std::string, std::string>, std::set<std::string>> sides;
    std::map<std::string, std::set<std::string>> by_repository;
    for (const Record& record : manifest.records) {
      captions.insert(record.text);
      patients.insert(record.patient_id);
      ++types[{record.image_type, record.split}];
      by_repository[record.repository].insert(record.patient_id);
      sides[{"", record.patient_id}].insert(record.split);
      for (const std::string& label : record.labels) {
        ++patients_of[{record.repository, label}];
      }
    }
    EXPECT_EQ(audit.captions, std::ssize(captions));
    EXPECT_EQ(audit.patients.total, std::ssize(patients));
    EXPECT_EQ(audit.patients_on_two_sides, std::count_if(sides.begin(), sides.end(), [](const auto& entry) {
                return entry.second.size() > 1;
              }));
    for (const auto& [type, counts] : audit.image_types) {
      for (std::size_t side = 0; side < kSides; ++side) {
        EXPECT_EQ(counts.sides[side], (types[{type, kSideNames[side]}]));
      }
    }
    for (const RepositoryCounts& counts : audit.repositories) {
      EXPECT_EQ(counts.patients, std::ssize(by_repository[counts.repository.name]));
    }
    ASSERT_EQ(audit.classes.size(), patients_of.size());
    for (const auto& [names, counts] : audit.classes) {
      EXPECT_EQ(counts.total, patients_of[names]);
    }
  }
}

TEST(AuditTables, HoldThePapersLayout) {
  const fs::path folder = fresh_folder();
  const Manifest manifest = study_manifest();
  write_audit_tables(folder, study_audit(manifest));
  const Table types = read_csv(folder / "counts_by_image_type.csv");
  EXPECT_THAT(types.header, ElementsAre("image_type", "train", "validation", "test", "total"));
  EXPECT_THAT(types.rows, ElementsAre(Row{"Dermoscopy", "3", "3", "0", "6"}, Row{"X-ray", "0", "0", "4", "4"},
                                      Row{"total", "3", "3", "4", "10"}));
  EXPECT_THAT(rows_of(folder / "counts_by_specialty.csv").back(), ElementsAre("total", "3", "3", "4", "10"));
  const Table repositories = read_csv(folder / "counts_by_repository.csv");
  EXPECT_THAT(repositories.header,
              ElementsAre("repository", "train", "validation", "test", "total", "patients", "studies",
                          "videos", "groups", "source", "licence"));
  EXPECT_THAT(
      repositories.rows,
      ElementsAre(Row{"skin", "3", "3", "0", "6", "2", "0", "0", "2", "made up", "CC0-1.0"},
                  Row{"empty", "0", "0", "0", "0", "0", "0", "0", "0", "nothing", ""},
                  Row{"chest", "0", "0", "4", "4", "1", "2", "1", "1", "'=HYPERLINK(\"x\")", "CC-BY-4.0"},
                  Row{"total", "3", "3", "4", "10", "3", "2", "1", "3", "", ""}));
  EXPECT_THAT(rows_of(folder / "counts_by_class.csv"),
              ElementsAre(Row{"chest", "", "0", "0", "4", "4"}, Row{"skin", "mole", "3", "3", "0", "6"},
                          Row{"skin", "scar", "1", "0", "0", "1"}, Row{"total", "", "3", "3", "4", "10"}));
  EXPECT_THAT(rows_of(folder / "licences.csv"),
              ElementsAre(Row{"", "empty", "0", "0", "0", "0"}, Row{"CC-BY-4.0", "chest", "0", "0", "4", "4"},
                          Row{"CC0-1.0", "skin", "3", "3", "0", "6"}, Row{"total", "", "3", "3", "4", "10"}));
  EXPECT_THAT(rows_of(folder / "duplicates.csv"),
              ElementsAre(Row{"1", "exact", "skin-0", "skin", "yes", "no"},
                          Row{"1", "exact", "skin-copy", "skin", "no", "yes"},
                          Row{"2", "near", "chest-6", "chest", "yes", "no"},
                          Row{"2", "near", "'-near", "chest", "no", "no"},
                          Row{"2", "near", "chest-6-copy", "skin", "no", "yes"}));
  EXPECT_FALSE(fs::exists(folder / "long_captions.csv"));
}

TEST(AuditTables, NothingIsComputedByASpreadsheet) {
  for (const char* text : {"=1+1", "+1", "-1", "@sum(a1)", "\t=1", "\r=1", "\n=1"}) {
    EXPECT_EQ(spreadsheet_cell(text), std::string("'") + text);
  }
  EXPECT_EQ(spreadsheet_cell("a=1"), "a=1");
  EXPECT_EQ(spreadsheet_cell(""), "");
  EXPECT_EQ(spreadsheet_cell(" =1"), " =1");  // a spreadsheet takes it for text
  EXPECT_EQ(clean_text("a\xFF\x01 \xC3\xA9\n"), "a\xEF\xBF\xBD\xEF\xBF\xBD \xC3\xA9\n");

  const fs::path folder = fresh_folder();
  write_audit_tables(folder, study_audit(study_manifest()));
  const std::vector<Row> rejected = rows_of(folder / "rejected.csv");
  ASSERT_EQ(rejected.size(), 3U);
  EXPECT_EQ(rejected[1][1], "a/two, \"b\".png");
  EXPECT_EQ(rejected[2][1], "'@sum.dcm");
  EXPECT_EQ(rejected[2][2], "/home/me/chest/@sum.dcm: <script>alert(1)</script>\xEF\xBF\xBD");
}

TEST(AuditTables, LongCaptionsWithTheWordsLost) {
  const Tokenizer tokenizer(ClipTokenizer::from_merges(kMerges, 12));
  Manifest manifest = study_manifest();
  const std::string exactly = "0 1 2 3 4 5 6 7 8 9";  // a token a digit, and start and end: 12
  manifest.records[0].text = exactly;
  for (const std::size_t i : {2U, 4U, 5U}) {
    manifest.records[i].text = exactly + " 7 7";
  }
  manifest.records[3].text = "=" + exactly;
  const Audit audit = study_audit(manifest, &tokenizer);
  ASSERT_TRUE(audit.long_captions);
  EXPECT_EQ(audit.max_tokens, 12);
  for (const LongCaption& caption : *audit.long_captions) {
    const Encoding encoding = tokenizer.encode_with_loss(caption.first->text);
    EXPECT_EQ(caption.words_lost, encoding.lost_text);
    EXPECT_EQ(caption.tokens, 12 + encoding.lost_tokens);
  }
  const fs::path folder = fresh_folder();
  write_audit_tables(folder, audit);
  const Table table = read_csv(folder / "long_captions.csv");
  EXPECT_THAT(table.header, ElementsAre("id", "caption", "tokens", "words_lost", "images"));
  ASSERT_GE(table.rows.size(), 2U);
  EXPECT_THAT(table.rows[0], ElementsAre("skin-2", exactly + " 7 7", "14", "7 7", "3"));
  const auto is_about = [&](const std::string& text) {
    return std::count_if(table.rows.begin(), table.rows.end(),
                         [&](const Row& row) { return row[1] == text; });
  };
  EXPECT_EQ(is_about("'=" + exactly), 1);
  EXPECT_EQ(is_about(exactly), 0);

  write_audit_tables(folder, study_audit(manifest));
  EXPECT_FALSE(fs::exists(folder / "long_captions.csv"));  // of a run with a tokenizer before
}

// A short caption is passed over without being tokenized: that must not lose one.
TEST(AuditTables, NoLongCaptionIsPassedOver) {
  std::mt19937 random(5);
  const std::vector<std::string> pieces = {
      "a", "q", "7", " ", "-", ",", "é", "µ", "x-ray", "中", "\xEF\xB7\xBA", "'"};
  Manifest manifest;
  for (int i = 0; i < 3000; ++i) {
    Record record;
    record.id = std::to_string(i);
    for (unsigned length = random() % 14; length > 0; --length) {
      record.text += pieces[random() % pieces.size()];
    }
    manifest.records.push_back(record);
  }
  const Tokenizer clip(ClipTokenizer::from_merges(kMerges, 10));
  std::set<std::string> expected, found;
  for (const Record& record : manifest.records) {
    if (clip.encode_with_loss(record.text).lost_tokens > 0) {
      expected.insert(record.text);
    }
  }
  const Audit audit = make_audit(manifest, {}, {}, &clip, 2);
  for (const LongCaption& caption : *audit.long_captions) {
    EXPECT_TRUE(found.insert(caption.first->text).second) << caption.first->text;
  }
  EXPECT_GT(found.size(), 100U);
  EXPECT_EQ(found, expected);
}

TEST(AuditTables, AreTheSameWhateverTheOrderOfTheRecords) {
  const Tokenizer tokenizer(ClipTokenizer::from_merges(kMerges, 8));
  Manifest manifest = study_manifest();
  const fs::path first = fresh_folder(".first");
  const fs::path second = fresh_folder(".second");
  write_audit_tables(first, study_audit(manifest, &tokenizer));
  std::stable_partition(manifest.records.begin(), manifest.records.end(),
                        [](const Record& record) { return record.repository == "chest"; });
  write_audit_tables(second, study_audit(manifest, &tokenizer));
  for (const auto& entry : fs::directory_iterator(first)) {
    EXPECT_EQ(read_file(entry.path()), read_file(second / entry.path().filename())) << entry.path();
  }
}

TEST(Audit, NoTableAndNoDatasheetNamesAPatient) {
  const Tokenizer tokenizer(ClipTokenizer::from_merges(kMerges, 8));
  const Manifest manifest = study_manifest();
  const Audit audit = study_audit(manifest, &tokenizer);
  const fs::path folder = fresh_folder();
  write_audit_tables(folder, audit);
  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    EXPECT_THAT(read_file(entry.path()), Not(HasSubstr("SECRET"))) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 8);
  EXPECT_THAT(datasheet(audit, {.name = "n"}), Not(HasSubstr("SECRET")));
}

TEST(Datasheet, AnswersWhatIsKnown) {
  const Manifest manifest = study_manifest();
  const std::string sheet =
      datasheet(study_audit(manifest), {.name = "Skin | chest",
                                        .command = "medisyn curate --config a_b.yaml",
                                        .split = "80:10:10 by groups, seed 3",
                                        .duplicates_policy = "one of each cluster stays"});
  for (const char* part : {"# Datasheet: Skin \\| chest",
                           "## 1. Motivation",
                           "## 2. Composition",
                           "## 3. Collection",
                           "## 4. Preprocessing, cleaning and labelling",
                           "## 5. Uses",
                           "## 6. Distribution",
                           "## 7. Maintenance",
                           "10 images, 3 different captions, 3 patients",
                           "classes; 2 of them",
                           "4 images have no label",
                           "| Dermoscopy | 3 | 3 | 0 | 6 |",
                           "| total | 3 | 3 | 4 | 10 |",
                           "| skin | made up | CC0-1.0 | Dermoscopy | 6 | 2 |",
                           "| empty | nothing | (none stated) |  | 0 | 0 |",
                           "80:10:10 by groups, seed 3. Images: 3 train, 3 validation, 4 test.",
                           "16x16, &lt;none\\>: 10 images",
                           "one of each cluster stays",
                           "left out, blank: 12",
                           "3 files could not be read",
                           "2 exact and 1 near",
                           "CC-BY-4.0; CC0-1.0",
                           "a\\_b.yaml"}) {
    EXPECT_THAT(sheet, HasSubstr(part));
  }
  EXPECT_THAT(sheet, Not(HasSubstr("**\n\n\n")));
  EXPECT_EQ(sheet.back(), '\n');
}

}  // namespace
}  // namespace medisyn
