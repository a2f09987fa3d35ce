#include "medisyn/data/manifest.h"

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

Record full_record() {
  Record record;
  record.file_name = "images/ü 1.png";
  record.text = "A \"quoted\" µ-caption,\nwith ≥ 2 lines";
  record.id = "one";
  record.patient_id = "p";
  record.specialty = "Radiology";
  record.image_type = "CT";
  record.labels = {"lung", "a, b"};
  record.source = "s";
  record.licence = "MIT";
  record.sha256 = "00ff";
  record.split = "train";
  return record;
}

TEST(Manifest, RoundTripWithUnicodeAndQuotes) {
  const fs::path folder = fresh_folder();
  write_manifest(folder, {folder, {full_record()}});
  for (const fs::path& path : {folder, folder / "metadata.jsonl"}) {
    const Manifest manifest = read_manifest(path);
    ASSERT_EQ(manifest.records.size(), 1U);
    EXPECT_EQ(manifest.root, folder);
    EXPECT_EQ(manifest.records[0].line, 1);
    EXPECT_EQ(to_json(manifest.records[0]), to_json(full_record()));
    EXPECT_EQ(image_path(manifest, manifest.records[0]), folder / "images/ü 1.png");
  }
}

TEST(Manifest, FileListsKeysInTheOrderOfTheContract) {
  const Json json = to_json(full_record());
  std::string keys;
  for (const auto& [key, value] : json.items()) {
    keys += key + " ";
  }
  EXPECT_EQ(
      keys,
      "file_name text id patient_id study_id video_id group_id specialty image_type labels repository source "
      "licence transform sha256 split ");
}

TEST(Manifest, ForeignFilesMayHoldLessAndMore) {
  const fs::path folder = fresh_folder();
  write_file(folder / "metadata.jsonl",
             "{\"file_name\": \"a.png\", \"seed\": 7, \"text\": null, \"labels\": \"melanoma\"}\n");
  const Record record = read_manifest(folder).records[0];
  EXPECT_EQ(record.id, "a.png");
  EXPECT_EQ(record.text, "");
  EXPECT_EQ(record.labels, std::vector<std::string>{"melanoma"});
}

TEST(Manifest, FolderOfImagesIsListedSorted) {
  const fs::path folder = fresh_folder();
  fs::create_directories(folder / "sub");
  for (const char* name : {"b.PNG", "a.jpg", "sub/c.tif", "notes.txt"}) {
    write_file(folder / name, "x");
  }
  const Manifest manifest = read_manifest(folder);
  ASSERT_EQ(manifest.records.size(), 3U);
  EXPECT_EQ(manifest.records[0].file_name, "a.jpg");
  EXPECT_EQ(manifest.records[1].id, "b.PNG");
  EXPECT_EQ(manifest.records[2].file_name, "sub/c.tif");
}

TEST(Manifest, DrawnListElsewhereStillFindsItsImages) {
  const fs::path folder = fresh_folder();
  fs::create_directories(folder / "data/images");
  fs::create_directories(folder / "run");
  write_file(folder / "data/images/a.png", "pixels");
  Record record;
  record.file_name = "images/a.png";
  record.id = "kept";
  write_manifest_file(folder / "run/sample.jsonl", {folder / "data", {record}});
  const Manifest manifest = read_manifest(folder / "run/sample.jsonl");
  EXPECT_EQ(read_file(image_path(manifest, manifest.records[0])), "pixels");
  EXPECT_EQ(manifest.records[0].id, "kept");
}

TEST(Manifest, ErrorsNameFileAndLine) {
  const fs::path folder = fresh_folder();
  const auto with = [&](const std::string& text) {
    write_file(folder / "metadata.jsonl", text);
    return folder;
  };
  EXPECT_ERROR(read_manifest(with("{\"file_name\": \"a\"}\n{\"text\": \"t\"}\n")),
               "metadata.jsonl:2: file_name: expected the name of an image, found none");
  EXPECT_ERROR(read_manifest(with("{\"file_name\": \"a\", \"text\": 3}\n")),
               "metadata.jsonl:1: text: expected a string, found 3");
  EXPECT_ERROR(read_manifest(with("{\"file_name\": \"a\", \"labels\": [1]}\n")),
               "metadata.jsonl:1: labels: expected a list of strings, found [1]");
  EXPECT_ERROR(read_manifest(with("[]\n")), "metadata.jsonl:1: record: expected a JSON object");
  EXPECT_ERROR(read_manifest(with("\n")), "expected one record a line, found an empty file");
  EXPECT_ERROR(read_manifest(folder / "none"), "none: expected a folder of images");
  EXPECT_ERROR(read_manifest(fresh_folder("empty")),
               "expected a metadata.jsonl, image files or tar files of images, found none of them");
}

}  // namespace
}  // namespace medisyn
