// The manifest: one record an image, as Hugging Face's imagefolder keeps it (metadata.jsonl beside the
// images).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "medisyn/core/run_record.h"
#include "medisyn/io/image_source.h"

namespace medisyn {

/// Where an image stands in a tar file: keys shard, shard_begin and shard_bytes of its line.
struct ShardPlace {
  std::string file;         ///< the tar file, relative to the manifest's root (or absolute); "" for none
  std::uint64_t begin = 0;  ///< where the image's bytes begin in it
  std::uint64_t bytes = 0;  ///< how many there are
};

/// One line of metadata.jsonl. Keys of the file that are not named here are passed over.
struct Record {
  std::string file_name;  ///< the image, relative to the manifest's root (or absolute); in a shard its name
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
  ShardPlace shard = {};  ///< of an image that is no file of its own
  int line = 0;           ///< of metadata.jsonl, from 1; 0 when there is none. Not written.
};

struct Manifest {
  std::filesystem::path root;
  std::vector<Record> records;
};

/// Reads a folder with metadata.jsonl, a .jsonl file itself, or a folder without one: then each image file
/// below it, sorted by name, is a record with file_name and id alone; hidden ones are passed over. Reads a
/// .tar file, or a folder in which images stand in .tar files alone, as list_shard() (shards.h) says. Error
/// FILE:LINE for a field of the wrong type or without file_name; Error when the path is missing or holds no
/// image.
Manifest read_manifest(const std::filesystem::path& path);

/// Writes folder/metadata.jsonl; file names stay as they are.
void write_manifest(const std::filesystem::path& folder, const Manifest& manifest);

/// Writes the records to a .jsonl file anywhere (sample.jsonl of a drawn list); names of files and shards are
/// rewritten relative to that file's folder, so that it can be read as a manifest.
void write_manifest_file(const std::filesystem::path& file, const Manifest& manifest);

/// The image's name below the manifest's root: its file, unless it stands in a shard.
std::filesystem::path image_path(const Manifest& manifest, const Record& record);

/// Where a record's image is to be read, in a file of its own or in a shard. The places in a manifest are not
/// trusted: reading checks them against the shard.
ImageSource image_source(const Manifest& manifest, const Record& record);

Json to_json(const Record& record);

/// The record of one line. Error with `where` for a field of the wrong type or without file_name.
Record record_from_json(const Json& json, const std::string& where);

}  // namespace medisyn
