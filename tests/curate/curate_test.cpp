#include "medisyn/curate/curate.h"

#include <csignal>
#include <fstream>
#include <map>

#include "../expect_error.h"
#include "curate_fixture.h"
#include "medisyn/data/manifest.h"

namespace medisyn {
namespace {

TEST_F(Curate, CountsEveryImageOnce) {
  const Json metrics = run("out");
  // 30 patches less one copy and one corrupt; slices 1 to 3 in training (0 is blank, 4 lies across the
  // border), 5 in test.
  EXPECT_EQ(metrics["images"], 28 + 4);
  EXPECT_EQ(metrics["by_image_type"],
            (Json{{"Dermoscopy", {{"train", 18}, {"test", 10}}}, {"MRI", {{"train", 3}, {"test", 1}}}}));
  EXPECT_EQ(metrics["captions"], 3);
  EXPECT_EQ(metrics["patients"], 4);
  EXPECT_EQ(metrics["skipped"],
            (Json{{"across the border of a held-out part", 1}, {"blank (too little foreground)", 1}}));
  EXPECT_EQ(metrics["duplicates"]["exact_copies"], 1);
  ASSERT_EQ(metrics["bad_files"].size(), 1U);
  EXPECT_THAT(metrics["bad_files"][0]["file"].get<std::string>(), testing::HasSubstr("patch9.png"));
  EXPECT_EQ(metrics["patients_on_both_sides"], Json::array({"head-one"}));
}

TEST_F(Curate, WritesAnImageFolderThatReadsBack) {
  run("out");
  const fs::path out = folder_ / "out";
  const Manifest manifest = read_manifest(out);
  std::map<std::string, Record> by_id;
  for (const Record& record : manifest.records) {
    EXPECT_EQ(sha256_file(image_path(manifest, record)), record.sha256);
    EXPECT_EQ(read_image(image_path(manifest, record)).height, 16);
    by_id[record.id] = record;
  }
  EXPECT_EQ(by_id.size(), manifest.records.size());
  const Record& patch = by_id.at("skin-patch12");
  EXPECT_EQ(patch.patient_id, "skin-1");
  EXPECT_EQ(patch.labels, std::vector<std::string>{"µ, \"quoted\""});
  EXPECT_EQ(read_image(out / patch.file_name), small_picture(13));
  const Record& slice = by_id.at("head-head-axial-003");
  EXPECT_EQ(slice.text, "Axial MRI slice, showing the brain");
  EXPECT_EQ(slice.labels, std::vector<std::string>{"brain"});
  EXPECT_EQ(by_id.at("head-head-axial-002").text, "Axial MRI slice");
  EXPECT_EQ(by_id.at("head-head-axial-005").split, "test");
  const Json result = Json::parse(read_file(out / "result.json"));
  EXPECT_EQ(result["metrics"]["images"], 32);
  EXPECT_EQ(result["inputs"].size(), 3U);
}

TEST_F(Curate, AnotherRunGivesTheSameBytes) {
  run("a");
  run("b");
  EXPECT_EQ(read_file(folder_ / "a/metadata.jsonl"), read_file(folder_ / "b/metadata.jsonl"));
  EXPECT_EQ(read_file(folder_ / "a/config.yaml"), read_file(folder_ / "b/config.yaml"));
  const CurateConfig again = read_config<CurateConfig>(folder_ / "a/config.yaml");
  EXPECT_EQ(config_to_json(again), config_to_json(read_config<CurateConfig>(config_file_)));
}

TEST_F(Curate, JpegOnRequest) {
  run("out", {"format=jpeg"});
  const Manifest manifest = read_manifest(folder_ / "out");
  EXPECT_TRUE(manifest.records[0].file_name.ends_with(".jpg"));
  EXPECT_EQ(read_image(image_path(manifest, manifest.records[0])).width, 16);
}

TEST_F(Curate, TooManyCorruptFilesStopAndWhatWasMadeIsUsedAgain) {
  EXPECT_ERROR(run("out", {"max_bad_fraction=0.03"}),
               "repository skin: 1 of 30 files cannot be read, more than max_bad_fraction 0.03 allows");
  EXPECT_FALSE(fs::exists(folder_ / "out/metadata.jsonl"));
  EXPECT_FALSE(fs::exists(folder_ / "out/result.json"));
  const auto written = fs::last_write_time(folder_ / "out/images/skin/skin-patch3.png");
  EXPECT_EQ(run("out")["images"], 32);
  EXPECT_EQ(fs::last_write_time(folder_ / "out/images/skin/skin-patch3.png"), written);
}

TEST_F(Curate, CorruptVolumeStopsItsRepository) {
  write_file(folder_ / "data/head.raw", "short");
  EXPECT_ERROR(run("out"), "repository head: 1 of 1 files cannot be read");
}

TEST_F(Curate, OtherFilesAreNeverMixedIn) {
  fs::create_directories(folder_ / "notes");
  write_file(folder_ / "notes/x.txt", "x");
  EXPECT_ERROR(run("notes"), "expected a new or empty folder, or one of an earlier medisyn curate");
  fs::create_directories(folder_ / "empty");
  EXPECT_EQ(run("empty")["images"], 32);
}

TEST_F(Curate, SecondRunTouchesOnlyWhatIsNewOrChanged) {
  run("out");
  const std::string before = read_file(folder_ / "out/metadata.jsonl");
  const fs::path kept = folder_ / "out/images/skin/skin-patch3.png",
                 changed = folder_ / "out/images/skin/skin-patch4.png";
  const auto kept_time = fs::last_write_time(kept), changed_time = fs::last_write_time(changed);
  run("out");
  EXPECT_EQ(read_file(folder_ / "out/metadata.jsonl"), before);
  EXPECT_EQ(fs::last_write_time(changed), changed_time);
  write_file(folder_ / "data/skin/patch4.png", encode_png(small_picture(40)));
  write_file(folder_ / "data/skin/patch30.png", encode_png(small_picture(31)));
  fs::remove(folder_ / "data/skin/patch5.png");
  EXPECT_EQ(run("out")["images"], 32);
  EXPECT_EQ(fs::last_write_time(kept), kept_time);
  EXPECT_EQ(read_image(changed), small_picture(40));
  EXPECT_TRUE(fs::exists(folder_ / "out/images/skin/skin-patch30.png"));
  EXPECT_FALSE(fs::exists(folder_ / "out/images/skin/skin-patch5.png"));
  run("fresh");
  EXPECT_EQ(read_file(folder_ / "out/metadata.jsonl"), read_file(folder_ / "fresh/metadata.jsonl"));
}

TEST_F(Curate, ACopyTakesThePlaceOfItsOriginalWhenThatGoes) {
  run("out");
  const fs::path copy = folder_ / "out/images/skin/skin-patch7.png";
  EXPECT_FALSE(fs::exists(copy));
  fs::remove(folder_ / "data/skin/patch6.png");
  run("out");
  EXPECT_EQ(read_image(copy), small_picture(7));
}

TEST_F(Curate, FilesLostSinceAreMadeAgain) {
  run("out");
  const std::string before = read_file(folder_ / "out/metadata.jsonl");
  const fs::path lost = folder_ / "out/images/skin/skin-patch3.png";
  write_file(lost, "");  // as a power cut may leave it
  run("out");
  EXPECT_EQ(read_image(lost), small_picture(4));
  EXPECT_EQ(read_file(folder_ / "out/metadata.jsonl"), before);
}

TEST_F(Curate, MissingInputsAreNamed) {
  fs::remove(folder_ / "data/head.raw");
  EXPECT_ERROR(run("out"),
               "repository head: path " + (folder_ / "data/head.raw").string() + ": no such file");
  fs::remove_all(folder_ / "data/skin");
  fs::create_directories(folder_ / "data/skin");
  EXPECT_ERROR(run("out"), "repository skin: no file below");
}

TEST_F(Curate, LabelMapMustFitItsVolume) {
  write_file(folder_ / "data/names.csv", "id,name\n1,liver\n");
  EXPECT_ERROR(run("out"), "label group \"brain\": no structure's name matches");
  write_file(folder_ / "data/names.csv", "id,name\none,brain_x\n");
  EXPECT_ERROR(run("out"), "names.csv:2: expected a label id, a whole number; found \"one\"");
  write_file(folder_ / "data/labels.nrrd",
             "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 1 1 1\nencoding: raw\n\n1");
  EXPECT_ERROR(run("out"), "expected the grid of its volume, 8 x 8 x 6 voxels, found 1 x 1 x 1");
}

TEST_F(Curate, FilesWithoutAPatientAreNamed) {
  write_file(folder_ / "data/skin/zother.png", encode_png(small_picture(99)));
  EXPECT_ERROR(run("out"), "repository skin: zother.png: patient: found nothing by regex \"patch(\\\\d+)\"");
}

}  // namespace
}  // namespace medisyn
