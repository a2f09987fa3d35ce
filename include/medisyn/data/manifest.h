// The manifest: one record an image, as Hugging Face's imagefolder keeps it (metadata.jsonl beside the
// images).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "medisyn/core/run_record.h"

namespace medisyn {

/// One line of metadata.jsonl. Keys of the file that are not named here are passed over.
struct Record {
  std::string file_name;  ///< the image, relative to the manifest's root (or absolute)
  std::string text;       ///< the caption
  std::string id;  ///< names the sample in random keys and results; file_name where the file gives none
  std::string patient_id;  ///< no patient is on both sides of a split, regions and frames apart
  std::string study_id;    ///< "" where nothing names one
  std::string video_id;    ///< "" for what is no frame
  std::string
      group_id;  ///< all images that share a patient, a study, a video or are near-duplicates; one side
  std::string specialty;   ///< "Radiology"
  std::string image_type;  ///< "CT"
  std::vector<std::string> labels;
  std::string repository;  ///< its name in the curate config
  std::string source;      ///< the package or repository it came from
  std::string licence;
  std::string transform;  ///< what was done to the pixels: "512x512, bicubic with antialias, centre crop"
  std::string sha256;     ///< of the image file
  std::string split;      ///< "train", "validation" or "test"
  int line = 0;           ///< of metadata.jsonl, from 1; 0 when there is none. Not written.
};

struct Manifest {
  std::filesystem::path root;
  std::vector<Record> records;
};

/// Reads a folder with metadata.jsonl, a .jsonl file itself, or a folder without one: then each image file
/// below it, sorted by name, is a record with file_name and id alone. Error FILE:LINE for a field of the
/// wrong type or without file_name; Error when the path is missing or holds no image.
Manifest read_manifest(const std::filesystem::path& path);

/// Writes folder/metadata.jsonl; file names stay as they are.
void write_manifest(const std::filesystem::path& folder, const Manifest& manifest);

/// Writes the records to a .jsonl file anywhere (sample.jsonl of a drawn list); file names are rewritten
/// relative to that file's folder, so that it can be read as a manifest.
void write_manifest_file(const std::filesystem::path& file, const Manifest& manifest);

/// Where a record's image is.
std::filesystem::path image_path(const Manifest& manifest, const Record& record);

Json to_json(const Record& record);

/// The record of one line. Error with `where` for a field of the wrong type or without file_name.
Record record_from_json(const Json& json, const std::string& where);

}  // namespace medisyn
