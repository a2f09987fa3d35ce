// A made-up study for tests of the audit: two repositories with images, one without, every kind of loss.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "medisyn/core/files.h"
#include "medisyn/curate/audit.h"
#include "medisyn/io/image.h"

namespace medisyn {

// Ids that no output may hold.
inline const std::vector<std::string> kSecretIds = {"patient-SECRET-0", "patient-SECRET-1",
                                                    "patient-SECRET-2", "study-SECRET",
                                                    "video-SECRET",     "group-SECRET"};

/// A picture of one colour that `number` gives.
inline Image plain_picture(int number, int size = 16) {
  Image image{size, size, {}};
  for (int i = 0; i < size * size; ++i) {
    for (const int step : {37, 91, 53}) {
      image.pixels.push_back(static_cast<std::uint8_t>(number * step % 256));
    }
  }
  return image;
}

/// Image `number`: 0 to 5 are skin (patients 0 and 1, labels mole and/or scar), 6 to 9 chest films of
/// patient 2.
inline Record study_record(int number) {
  const bool is_skin = number < 6;
  const int patient = is_skin ? number / 3 : 2;
  Record record;
  record.id = fmt::format("{}-{}", is_skin ? "skin" : "chest", number);
  record.file_name = fmt::format("images/{}.png", record.id);
  record.text = is_skin ? "A dermoscopy image of a mole" : fmt::format("Chest X-ray, view {}", number % 2);
  record.patient_id = fmt::format("patient-SECRET-{}", patient);
  record.study_id = is_skin ? "" : "study-SECRET-" + std::to_string(number / 2);
  record.video_id = number == 9 ? "video-SECRET" : "";
  record.group_id = fmt::format("group-SECRET-{}", patient);
  record.specialty = is_skin ? "Dermatology" : "Radiology";
  record.image_type = is_skin ? "Dermoscopy" : "X-ray";
  record.labels = is_skin ? std::vector<std::string>{"mole"} : std::vector<std::string>{};
  if (number == 1) {
    record.labels = {"mole", "scar", "mole"};
  }
  record.repository = is_skin ? "skin" : "chest";
  record.source = is_skin ? "made up" : "=HYPERLINK(\"x\")";
  record.licence = is_skin ? "CC0-1.0" : "CC-BY-4.0";
  record.transform = "16x16, <none>";
  record.split = kSideNames.at(static_cast<std::size_t>(patient));
  return record;
}

inline Manifest study_manifest(const fs::path& root = "nowhere") {
  Manifest manifest{root, {}};
  for (int number = 0; number < 10; ++number) {
    manifest.records.push_back(study_record(number));
  }
  return manifest;
}

/// The same with its pictures written.
inline Manifest write_study(const fs::path& root) {
  Manifest manifest = study_manifest(root);
  fs::create_directories(root / "images");
  for (std::size_t i = 0; i < manifest.records.size(); ++i) {
    write_file(image_path(manifest, manifest.records[i]), encode_png(plain_picture(static_cast<int>(i))));
  }
  return manifest;
}

inline std::vector<AuditRepository> study_repositories() {
  return {
      {"skin", "made up", "CC0-1.0"}, {"empty", "nothing", ""}, {"chest", "=HYPERLINK(\"x\")", "CC-BY-4.0"}};
}

inline LeftOut study_left_out() {
  LeftOut left_out;
  left_out.rejected = {
      {"skin", "a/one.png", "/home/me/skin/a/one.png: not a picture: cut short at byte 120"},
      {"skin", "a/two, \"b\".png", "/home/me/skin/a/two, \"b\".png: not a picture: cut short at byte 7"},
      {"chest", "@sum.dcm", "/home/me/chest/@sum.dcm: <script>alert(1)</script>\xFF"}};
  left_out.skipped = {{"blank", 12}, {"burned-in text", 3}};
  left_out.duplicates = {
      {.members = {{"skin-0", "skin", true, false}, {"skin-copy", "skin", false, true}}, .patients = 1},
      {.members = {{"chest-6", "chest", true, false},
                   {"-near", "chest", false, false},
                   {"chest-6-copy", "skin", false, true}},
       .patients = 2}};
  return left_out;
}

}  // namespace medisyn
