// The YAML of `medisyn curate`: one list of repositories, and what is made of each.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/config.h"
#include "medisyn/curate/volume_config.h"

namespace medisyn {

/// Square pieces of a big picture; those that would reach beyond its border are not made.
struct TileConfig {
  std::string name;         ///< {tile} of the caption
  std::int64_t size = 256;  ///< pixels of the picture
  std::int64_t stride = 128;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name);
    visit("size", self.size, at_least(1));
    visit("stride", self.stride, at_least(1));
  }
};

/// Where the patient id comes from: a fixed name, or the first group of a regular expression over the path (a
/// number divided by `divide_by`, rounded down). Neither: a DICOM file's own id, hashed; else the file is its
/// own patient.
struct PatientConfig {
  std::string id;
  std::string regex;
  std::int64_t divide_by = 1;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("id", self.id);
    visit("regex", self.regex);
    visit("divide_by", self.divide_by, at_least(1));
  }
};

/// Which side an image stands on.
struct SplitConfig {
  /// hash: by the patient id's hash, in the proportions of `ratio`.
  /// all: everything to `to`.
  /// patients: those listed under `test` and `validation`, the rest to training.
  /// frames, region: one subject on both sides, because it is the only one of its type: the frames (or the
  /// part of the picture along `axis`) from share `from` on are held out; frames within `gap` before it, and
  /// tiles across the border, are dropped.
  std::string rule = "hash";
  std::vector<double> ratio = {80, 10, 10};  ///< train, validation, test
  std::string to = "train";
  std::vector<std::string> test, validation;
  double from = 0.8;
  std::int64_t gap = 0;
  std::string axis = "x";

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("rule", self.rule, one_of({"hash", "all", "patients", "frames", "region"}));
    visit("ratio", self.ratio);
    visit("to", self.to, one_of({"train", "validation", "test"}));
    visit("test", self.test);
    visit("validation", self.validation);
    visit("from", self.from, in_range(0, 1));
    visit("gap", self.gap, at_least(0));
    visit("axis", self.axis, one_of({"x", "y"}));
  }
};

struct RepositoryConfig {
  std::string name;
  std::string reader;
  std::filesystem::path path;  ///< a file, or a folder; relative to `root`
  std::string pattern = ".*";  ///< of image_folder and of a folder of DICOM files: regular expression over
                               ///< the path below `path`
  std::string specialty, image_type, caption, source, licence;
  std::vector<std::string> labels;  ///< of every image, beside the structures found
  PatientConfig patient;
  SplitConfig split;
  std::vector<WindowConfig> windows;  ///< of volumes; at most one of DICOM
  std::vector<SlicesConfig> slices;   ///< of volumes
  std::optional<LabelVolumeConfig> label_volume;
  std::optional<RawConfig> raw;
  std::vector<std::int64_t> crop;  ///< top, left, height, width; of pictures
  std::vector<TileConfig> tiles;   ///< of pictures; none: the whole picture
  std::int64_t frame_stride = 1;
  std::optional<double>
      foreground_above;         ///< HU of volumes (default: a tenth into the window), 0..255 of pictures
  double min_foreground = 0.0;  ///< share of pixels above it, below which an image counts as blank

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, required());
    visit("reader", self.reader,
          Rule{.choices = {"nifti", "nrrd", "raw", "dicom", "image_folder"}, .is_required = true});
    visit("path", self.path, required());
    visit("pattern", self.pattern);
    visit("specialty", self.specialty, required());
    visit("image_type", self.image_type, required());
    visit("caption", self.caption, required());
    visit("source", self.source, required());
    visit("licence", self.licence, required());
    visit("labels", self.labels);
    visit("patient", self.patient);
    visit("split", self.split);
    visit("windows", self.windows);
    visit("slices", self.slices);
    visit("label_volume", self.label_volume);
    visit("raw", self.raw);
    visit("crop", self.crop);
    visit("tiles", self.tiles);
    visit("frame_stride", self.frame_stride, at_least(1));
    visit("foreground_above", self.foreground_above);
    visit("min_foreground", self.min_foreground, in_range(0, 1));
  }
};

struct CurateConfig {
  std::filesystem::path root = ".";  ///< of the repositories' paths; relative to the working directory
  std::optional<std::filesystem::path> out;  ///< where --out does not say
  std::int64_t size = 512;                   ///< height and width of every image, pixels
  std::string format = "png";
  std::int64_t jpeg_quality = 95;  ///< of format jpeg
  double max_bad_fraction = 0.01;  ///< of a repository's files that may be corrupt
  std::vector<RepositoryConfig> repositories;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("root", self.root);
    visit("out", self.out);
    visit("size", self.size, in_range(8, 8192));
    visit("format", self.format, one_of({"png", "jpeg"}));
    visit("jpeg_quality", self.jpeg_quality, in_range(1, 100));
    visit("max_bad_fraction", self.max_bad_fraction, in_range(0, 1));
    visit("repositories", self.repositories, required());
  }
};

/// What no single field can say: Error naming the repository and the key. Names are unique and fit file
/// names, regular expressions and captions parse, keys belong to the reader, windows have two ends.
void check_curate_config(const CurateConfig& config);

}  // namespace medisyn
