#include "medisyn/curate/describe.h"

#include <set>

#include "../expect_error.h"

namespace medisyn {
namespace {

RepositoryConfig repository() {
  RepositoryConfig config;
  config.name = "r";
  config.caption = "image showing {labels}";
  config.source = "a source";
  config.licence = "CC0-1.0";
  return config;
}

Item item(const std::string& below, std::vector<std::string> names = {},
          std::vector<std::string> values = {}) {
  return {.below = below,
          .stem = below.substr(0, below.find('.')),
          .fields = Fields(std::make_shared<std::vector<std::string>>(std::move(names)), std::move(values))};
}

std::string caption(const RepositoryConfig& config, const Item& of, const std::string& id = "x") {
  const auto record = Describer(config).describe({.item = &of}, {}, {}, id);
  return record ? record->text : "left out";
}

TEST(Describe, LabelsAreJoinedAndTheirAbsenceIsSaid) {
  RepositoryConfig config = repository();
  config.labels.columns = {{"A", "a"}, {"B", "b"}, {"C", "c"}};
  config.labels.none = "no presence of x";
  const std::vector<std::string> names{"A", "B", "C"};
  EXPECT_EQ(caption(config, item("i", names, {"1", "", "0"})), "Image showing a");
  EXPECT_EQ(caption(config, item("i", names, {"1", "1.0", "-1"})), "Image showing a and b");
  EXPECT_EQ(caption(config, item("i", names, {"1", "1", "yes"})), "Image showing a, b and c");
  EXPECT_EQ(caption(config, item("i", names, {"0", "", ""})), "Image showing no presence of x");
  config.labels.none = "";
  EXPECT_ERROR(caption(config, item("i", names, {"0", "", ""})), "{labels} is empty here");
}

TEST(Describe, OneColumnMayHoldSeveralLabelsAndSynonymsTakeTurns) {
  RepositoryConfig config = repository();
  config.labels.column = "L";
  config.labels.separator = "|";
  config.labels.names = {{"nv", {"melanocytic nevus", "mole"}}, {"ok", {""}}};
  EXPECT_EQ(caption(config, item("i", {"L"}, {"x|y"})), "Image showing x and y");
  std::set<std::string> captions;
  for (int i = 0; i < 20; ++i) {
    const Item one = item("i", {"L"}, {"nv"});
    const std::string id = std::to_string(i);
    const auto record = Describer(config).describe({.item = &one}, {}, {"found"}, id);
    captions.insert(record->text);
    EXPECT_EQ(record->labels, (std::vector<std::string>{"melanocytic nevus", "found"}));
    EXPECT_EQ(record->text, caption(config, one, id));  // the same one every time
  }
  EXPECT_EQ(captions, (std::set<std::string>{"Image showing melanocytic nevus", "Image showing mole"}));
  config.labels.only_named = true;
  EXPECT_EQ(caption(config, item("i", {"L"}, {"nv|x"})), "left out");
}

TEST(Describe, IdsComeFromWhereTheConfigSays) {
  RepositoryConfig config = repository();
  config.caption = "{eye} eye";
  config.words["eye"] = {.fixed = "", .column = "", .regex = "_(l|r)", .tag = "", .names = {{"l", "left"}}};
  config.patient = {.fixed = "", .column = "", .regex = "^(\\d+)", .tag = "", .divide_by = 10};
  config.study = IdConfig{.fixed = "", .column = "S", .regex = "", .tag = "", .hash = true};
  config.video = IdConfig{.fixed = "v", .column = "", .regex = "", .tag = "", .shared = true};
  const Item one = item("127_l.png", {"S"}, {"Jane Doe"});
  const auto record = Describer(config).describe({.item = &one}, {}, {}, "x");
  EXPECT_EQ(record->text, "Left eye");
  EXPECT_EQ(record->patient_id, "r-12");
  EXPECT_EQ(record->study_id.size(), 2U + 16U);
  EXPECT_EQ(record->study_id.find("Jane"), std::string::npos);
  EXPECT_EQ(record->video_id, "v");
  EXPECT_EQ(record->repository, "r");
  const Item other = item("x_l.png", {"S"}, {""});
  EXPECT_ERROR(Describer(config).describe({.item = &other}, {}, {}, "x"),
               "x_l.png: patient: found nothing by regex");
  config.patient = {};
  const auto alone = Describer(config).describe({.item = &other}, {}, {}, "x");
  EXPECT_EQ(alone->patient_id, "r-x_l");
  EXPECT_EQ(alone->study_id, "");
}

TEST(Describe, DicomTagsAndOfficialSides) {
  RepositoryConfig config = repository();
  config.reader = "dicom";
  config.caption = "{view} view";
  config.words["view"] = {
      .fixed = "", .column = "", .regex = "", .tag = "ViewPosition", .names = {{"AP", "frontal"}}};
  config.patient.tag = "AccessionNumber";
  config.where = {{"Modality", {"CR", "DX"}}};
  config.split = {
      .rule = "official",
      .to = "",
      .test = {},
      .validation = {},
      .official = PickConfig{
          .fixed = "", .column = "", .regex = "^(\\w+)/", .tag = "", .names = {{"valid", "validation"}}}};
  DicomInfo info;
  info.words = {{"ViewPosition", "AP"}, {"Modality", "DX"}};
  info.hashes = {{"AccessionNumber", "0123456789abcdef"}};
  const Describer describer(config);
  const Item one = item("valid/1.dcm");
  const auto record = describer.describe({.item = &one, .dicom = &info}, {}, {}, "x");
  EXPECT_EQ(record->text, "Frontal view");
  EXPECT_EQ(record->patient_id, "r-0123456789abcdef");
  EXPECT_TRUE(describer.stays(info));
  EXPECT_EQ(describer.official_side({.item = &one, .dicom = &info}), "validation");
  info.words["Modality"] = "US";
  EXPECT_FALSE(describer.stays(info));
  const Item other = item("extra/1.dcm");
  EXPECT_ERROR(describer.official_side({.item = &other, .dicom = &info}),
               "expected train, validation or test");
}

}  // namespace
}  // namespace medisyn
