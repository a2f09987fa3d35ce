#include "medisyn/curate/config.h"

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "miniature.h"

namespace medisyn {
namespace {

/// The miniature's config with one text replaced by another.
void check_with(const std::string& from, const std::string& to) {
  std::string yaml = miniature_yaml("data");
  const std::size_t at = yaml.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  yaml.replace(at, from.size(), to);
  const fs::path file = fresh_folder() / "curate.yaml";
  write_file(file, yaml);
  check_curate_config(read_config<CurateConfig>(file));
}

TEST(CurateConfig, QuickstartIsValid) {
  const auto config = read_config<CurateConfig>(fs::path(MEDISYN_SOURCE) / "quickstart/curate.yaml");
  EXPECT_NO_THROW(check_curate_config(config));
  EXPECT_EQ(config.size, 64);
  EXPECT_GE(config.repositories.size(), 15U);
}

TEST(CurateConfig, EveryPublishedFileIsValid) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(MEDISYN_SOURCE) / "configs/curate")) {
    EXPECT_NO_THROW(check_curate_config(read_config<CurateConfig>(entry.path()))) << entry.path();
    ++count;
  }
  EXPECT_EQ(count, 11);
}

TEST(CurateConfig, SlipsAreNamed) {
  check_with("size: 16", "size: 32");
  EXPECT_ERROR(check_with("reader: raw", "reader: niftii"), "reader");
  EXPECT_ERROR(check_with("min_foreground", "min_forground"), "did you mean");
  EXPECT_ERROR(check_with("name: head", "name: skin"),
               "repository skin: name: another repository has the same name");
  EXPECT_ERROR(check_with("name: head", "name: ../head"),
               "repository ../head: name: expected lower-case letters");
  EXPECT_ERROR(check_with("{plane} MRI", "{plain} MRI"), "no placeholder {plain}, did you mean {plane}?");
  EXPECT_ERROR(check_with("Dermoscopy image\"", "Dermoscopy {plane}\""), "no placeholder {plane}");
  EXPECT_ERROR(check_with("low: 0, high: 600", "low: 600, high: 0"), "windows: expected low below high");
  EXPECT_ERROR(check_with("low: 0, high: 600", "low: 0"), "windows: expected one of low and low_percent");
  EXPECT_ERROR(check_with("low: 0, high", "low: 0, low_percent: 1, high"), "windows: expected one of low");
  EXPECT_ERROR(check_with("windows: [{low: 0, high: 600}]", "windows: []"),
               "a volume needs at least one of each");
  EXPECT_ERROR(check_with("rule: frames", "rule: region"), "region is for pictures cut into tiles");
  EXPECT_ERROR(check_with("rule: patients", "rule: region"), "region needs tiles");
  EXPECT_ERROR(check_with("size: 16", "size: 16\nsplit: {ratio: [1, 2]}"),
               "split.ratio: expected three numbers");
  EXPECT_ERROR(check_with("rule: patients", "rule: official"), "split.official: needed by the rule official");
  EXPECT_ERROR(check_with("regex: \"patch(\\\\d+)\"", "regex: \"patch\\\\d+\""),
               "patient.regex: expected a group in parentheses");
  EXPECT_ERROR(check_with("regex: \"patch(\\\\d+)\"", "fixed: one, regex: \"patch(\\\\d+)\""),
               "patient: expected one of fixed, column, regex and tag");
  EXPECT_ERROR(check_with("regex: \"patch(\\\\d+)\"", "column: id"), "patient.column: there is no table");
  EXPECT_ERROR(check_with("regex: \"patch(\\\\d+)\"", "tag: PatientID"),
               "patient.tag: is for the reader dicom");
  EXPECT_ERROR(check_with("path: skin", "path: skin\n    tar: true\n    table: {file: a.csv, path: x}"),
               "tar: is for the reader picture without a table");
  EXPECT_ERROR(check_with("path: skin", "path: skin\n    frames: {frames_per_second: 1}"),
               "frames: are for the reader video");
  EXPECT_ERROR(check_with("reader: raw", "reader: nrrd"), "raw: needed by the reader raw, and by no other");
  EXPECT_ERROR(check_with("size: [8, 8, 6]", "size: [8, 8]"), "raw: expected three numbers in size");
  EXPECT_ERROR(check_with("brain_.*", "brain_(.*"), "label_volume.groups: expected a regular expression");
  EXPECT_ERROR(check_with("patch(\\\\d+)", "patch(\\\\d+"), "patient.regex: expected a regular expression");
  EXPECT_ERROR(check_with("path: skin", "path: skin\n    crop: [1, 2]"),
               "crop: expected [top, left, height, width]");
  EXPECT_ERROR(check_with("path: skin", "path: skin\n    windows: [{low: 0, high: 1}]"),
               "windows: are for volumes");
  EXPECT_ERROR(check_with("path: skin", "path: skin\n    slices: [{plane: axial}]"),
               "are for volumes, not for pictures");
  EXPECT_ERROR(check_with("path: head.raw", "path: head.raw\n    crop: [0, 0, 1, 1]"), "are for pictures");
}

TEST(CurateConfig, NoRepositories) {
  CurateConfig config;
  EXPECT_ERROR(check_curate_config(config), "repositories: expected at least one");
}

}  // namespace
}  // namespace medisyn
