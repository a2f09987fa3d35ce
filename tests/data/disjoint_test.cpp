#include "medisyn/data/disjoint.h"

#include "../expect_error.h"

namespace medisyn {
namespace {

Record image(const std::string& name) {
  Record record;
  record.file_name = name;
  return record;
}

/// A side of one image, with one field set.
Manifest side(const std::string& name, std::string Record::*field = nullptr, const std::string& value = "") {
  Manifest manifest{"data", {image(name)}};
  if (field != nullptr) {
    manifest.records[0].*field = value;
  }
  return manifest;
}

void check(const Manifest& a, const Manifest& b) { check_disjoint(a, "training data", b, "validation data"); }

TEST(Disjoint, SidesWithNothingInCommon) {
  EXPECT_NO_THROW(check(side("a.png"), side("b.png")));  // ids that are "" are no ids
  EXPECT_NO_THROW(check(side("a.png"), Manifest{}));
  EXPECT_NO_THROW(check(side("a.png", &Record::patient_id, "p"), side("b.png", &Record::patient_id, "q")));
  EXPECT_NO_THROW(check(side("a.png", &Record::patient_id, "p"), side("b.png", &Record::study_id, "p")));
}

TEST(Disjoint, EachIdIsCompared) {
  const std::pair<std::string Record::*, std::string> fields[] = {{&Record::patient_id, "1 patient"},
                                                                  {&Record::study_id, "1 study"},
                                                                  {&Record::video_id, "1 video"},
                                                                  {&Record::sha256, "1 image"},
                                                                  {&Record::group_id, "1 group"}};
  for (const auto& [field, text] : fields) {
    EXPECT_ERROR(check(side("a.png", field, "x"), side("b.png", field, "x")), "share " + text);
  }
}

TEST(Disjoint, TheMessageCountsAndNamesTheFirst) {
  Manifest train{"data", {}};
  Manifest validation{"data", {}};
  for (int i = 0; i < 10; ++i) {
    train.records.push_back(image(fmt::format("{}.png", i)));
    train.records.back().patient_id = fmt::format("p{}", i / 2);
  }
  for (int i = 0; i < 3; ++i) {
    validation.records.push_back(image(fmt::format("v{}.png", i)));
    validation.records.back().patient_id = fmt::format("p{}", 3 + i);  // p5 is new
  }
  EXPECT_ERROR(check(train, validation),
               "training data and validation data must have nothing in common, but share 2 patients (4 and 2 "
               "images), the first: patient \"p3\" has \"6.png\" in the one and \"v0.png\" in the other");
  EXPECT_ERROR(check(validation, train),
               "share 2 patients (2 and 4 images), the first: patient \"p3\" has \"v0.png\" in the one and "
               "\"6.png\" in the other");
}

TEST(Disjoint, OneFileUnderTwoRoots) {
  EXPECT_ERROR(check(side("a.png"), side("a.png")), "share 1 file (1 and 1 images)");
  Manifest other = side("train/a.png");
  other.root = ".";
  Manifest same = side("a.png");
  same.root = "./train/";
  EXPECT_ERROR(check(other, same), "share 1 file");
  same.root = "train/drawn";
  same.records[0].file_name = "../a.png";
  EXPECT_ERROR(check(other, same), "share 1 file");
  same.root = "elsewhere";
  EXPECT_NO_THROW(check(other, same));
  same.root = "";  // of a manifest in the working directory
  EXPECT_NO_THROW(check(other, same));
}

/// A record as the rules frames and region make it.
Record part(const std::string& name, const std::string& split) {
  Record record = image(name);
  record.patient_id = record.video_id = "eye";
  record.split = split;
  record.group_id = "eye/" + split;
  return record;
}

TEST(Disjoint, PartsOfASubjectMayStandOnBothSides) {
  const Manifest train{"data", {part("a.png", "train")}};
  Manifest test{"data", {part("b.png", "test")}};
  EXPECT_NO_THROW(check(train, test));
  EXPECT_ERROR(check(train, {"data", {part("b.png", "train")}}), "share 1 group");
  // Another image of the subject, that is no such part.
  test.records.push_back(image("c.png"));
  test.records[1].patient_id = "eye";
  EXPECT_ERROR(check(train, test),
               "(1 and 1 images), the first: patient \"eye\" has \"a.png\" in the one and \"c.png\"");
  const Manifest more{"data", {part("a.png", "train"), part("d.png", "train"), part("e.png", "train")}};
  EXPECT_ERROR(check(more, test), "share 1 patient (3 and 1 images)");
  for (const char* group :
       {"other/train", "other/best", "test"}) {  // of another run: none is this side's part
    test.records[1].group_id = group;
    test.records[1].split = "test";
    EXPECT_ERROR(check(train, test), "share 1 patient");
  }
  // The same bytes are never on purpose.
  Manifest copy{"data", {part("b.png", "test")}};
  Manifest original = train;
  copy.records[0].sha256 = original.records[0].sha256 = "0123";
  EXPECT_ERROR(check(original, copy), "share 1 image");
}

}  // namespace
}  // namespace medisyn
