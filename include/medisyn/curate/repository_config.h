// One repository of curate's YAML: where its files are, what is cut out of them, how they are described.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/config.h"
#include "medisyn/curate/describe_config.h"
#include "medisyn/curate/duplicates_config.h"
#include "medisyn/curate/volume_config.h"

namespace medisyn {

/// Square pieces of a big picture or slide; those that would reach beyond its border are not made.
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

/// Which side an image stands on.
struct SideConfig {
  /// groups: with all that share its patient, study, video or near-duplicates, as `split` of the whole study
  /// says.
  /// all: everything to `to`.
  /// patients: those listed under `test` and `validation`, the rest to training.
  /// official: as the repository itself says, by `official` with names: {valid: validation}.
  /// frames, region: one subject on both sides, because it is the only one of its type: the frames (or the
  /// part of the picture along `axis`) from share `from` on are held out; frames within `gap` before it, and
  /// tiles across the border, are dropped.
  std::string rule = "groups";
  std::string to = "train";
  std::vector<std::string> test, validation;
  std::optional<PickConfig> official;
  double from = 0.8;
  std::int64_t gap = 0;
  std::string axis = "x";

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("rule", self.rule, one_of({"groups", "all", "patients", "official", "frames", "region"}));
    visit("to", self.to, one_of({"train", "validation", "test"}));
    visit("test", self.test);
    visit("validation", self.validation);
    visit("official", self.official);
    visit("from", self.from, in_range(0, 1));
    visit("gap", self.gap, at_least(0));
    visit("axis", self.axis, one_of({"x", "y"}));
  }
};

struct RepositoryConfig {
  std::string name;
  std::string reader;
  std::filesystem::path path;  ///< a file, or a folder; relative to `root`
  std::string pattern = ".*";  ///< regular expression over the path below `path`, of files that a table does
                               ///< not name
  std::optional<TableConfig> table;
  bool tar = false;  ///< the files are members of the .tar files that match; a sample's .json and .txt are
                     ///< columns (WebDataset)
  std::map<std::string, std::vector<std::string>> where;  ///< column or DICOM tag -> the values that stay
  std::string specialty, image_type, caption, source, licence;
  LabelsConfig labels;
  std::map<std::string, PickConfig> words;  ///< further placeholders of the caption
  IdConfig patient;  ///< nothing named: a DICOM file's own patient, else the file is its own
  std::optional<IdConfig> study, video;
  SideConfig split;
  std::optional<NearDuplicatesConfig> near_duplicates;  ///< other than the study's
  std::vector<WindowConfig> windows;                    ///< of volumes; at most one of DICOM
  std::vector<SlicesConfig> slices;                     ///< of volumes
  std::optional<LabelVolumeConfig> label_volume;
  std::optional<RawConfig> raw;
  std::optional<VideoConfig> frames;  ///< of videos
  std::optional<SlideConfig> slide;
  std::vector<std::int64_t> crop;  ///< top, left, height, width; of pictures
  std::vector<TileConfig> tiles;   ///< of pictures and slides; none: the whole picture
  std::int64_t frame_stride = 1;   ///< of DICOM files
  bool burned_in_text = false;     ///< DICOM files whose header says that text stands in the picture stay in
  std::optional<double>
      foreground_above;         ///< HU of volumes (default: a tenth into the window), 0..255 of pictures
  double min_foreground = 0.0;  ///< share of pixels above it, below which an image counts as blank

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, required());
    visit(
        "reader", self.reader,
        Rule{.choices = {"picture", "dicom", "nifti", "nrrd", "raw", "video", "slide"}, .is_required = true});
    visit("path", self.path, required());
    visit("pattern", self.pattern);
    visit("table", self.table);
    visit("tar", self.tar);
    visit("where", self.where);
    visit("specialty", self.specialty, required());
    visit("image_type", self.image_type, required());
    visit("caption", self.caption, required());
    visit("source", self.source, required());
    visit("licence", self.licence, required());
    visit("labels", self.labels);
    visit("words", self.words);
    visit("patient", self.patient);
    visit("study", self.study);
    visit("video", self.video);
    visit("split", self.split);
    visit("near_duplicates", self.near_duplicates);
    visit("windows", self.windows);
    visit("slices", self.slices);
    visit("label_volume", self.label_volume);
    visit("raw", self.raw);
    visit("frames", self.frames);
    visit("slide", self.slide);
    visit("crop", self.crop);
    visit("tiles", self.tiles);
    visit("frame_stride", self.frame_stride, at_least(1));
    visit("burned_in_text", self.burned_in_text);
    visit("foreground_above", self.foreground_above);
    visit("min_foreground", self.min_foreground, in_range(0, 1));
  }
};

/// Every rule of a repository that takes a text from a `column`, a `regex` or a `tag`.
template <class Visit>
void for_each_text(const RepositoryConfig& repository, const Visit& visit) {
  visit(repository.patient);
  visit(repository.labels);
  for (const auto& id : {repository.study, repository.video}) {
    visit(id.value_or(IdConfig()));
  }
  visit(repository.split.official.value_or(PickConfig()));
  for (const auto& [name, pick] : repository.words) {
    visit(pick);
  }
}

}  // namespace medisyn
