// The part of curate's YAML that says what is known of an image: ids, labels, words of its caption, tables.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/config.h"

namespace medisyn {

/// A text about an image, from the one place that is named: the text itself, a column of the table (or of a
/// video's annotations), the first group of a regular expression over the path below the repository's folder,
/// or a DICOM tag (io/dicom.h lists those that are read). `names`: what is written in place of it.
struct PickConfig {
  std::string fixed, column, regex, tag;
  std::map<std::string, std::string> names;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("fixed", self.fixed);
    visit("column", self.column);
    visit("regex", self.regex);
    visit("tag", self.tag);
    visit("names", self.names);
  }
};

/// A patient, study or video. The repository's name is put in front, because two repositories may count their
/// patients from 1; `shared` ids are the same in all that say so. Of a DICOM tag only a hash is kept; `hash`
/// does the same for a column or a path that could name somebody. Where a column or tag is empty nobody
/// knows: the file is its own patient, and of no study or video.
struct IdConfig {
  std::string fixed, column, regex, tag;
  std::int64_t divide_by = 1;  ///< of a number: rounded down, where so many files in a row are one patient's
  bool hash = false;
  bool shared = false;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("fixed", self.fixed);
    visit("column", self.column);
    visit("regex", self.regex);
    visit("tag", self.tag);
    visit("divide_by", self.divide_by, at_least(1));
    visit("hash", self.hash);
    visit("shared", self.shared);
  }
};

/// The classes of an image, from all places that are named.
struct LabelsConfig {
  std::vector<std::string> fixed;              ///< of every image
  std::string column, regex, tag;              ///< as in PickConfig
  std::string separator;                       ///< between several labels in one text: "Effusion|Mass"
  std::map<std::string, std::string> columns;  ///< multi-label: column -> label, where its value is positive
  std::vector<std::string> positive = {"1", "1.0", "true", "True", "yes"};
  /// Text found -> the label and, after it, synonyms that captions use in turn (by the image's id).
  std::map<std::string, std::vector<std::string>> names;
  bool only_named = false;  ///< images that have another label are left out
  std::string none;         ///< {labels} of an image without one: "no presence of metastasis"

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("fixed", self.fixed);
    visit("column", self.column);
    visit("regex", self.regex);
    visit("tag", self.tag);
    visit("separator", self.separator);
    visit("columns", self.columns);
    visit("positive", self.positive);
    visit("names", self.names, scalar_or_list());
    visit("only_named", self.only_named);
    visit("none", self.none);
  }
};

/// Another table whose row with the same `key` adds its columns.
struct JoinConfig {
  std::filesystem::path file;  ///< as TableConfig::file
  std::string key;             ///< a column of both
  std::vector<std::string> header;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("file", self.file, required());
    visit("key", self.key, required());
    visit("header", self.header);
  }
};

/// A table with one row an image: .csv, .tsv, .jsonl, or .json (a list of objects).
struct TableConfig {
  std::filesystem::path file;       ///< below the repository's folder
  std::string path;                 ///< of the image, below that folder, with {columns}: "train/{image}.jpg"
  std::vector<std::string> header;  ///< the columns' names where the file has no line of them
  std::optional<JoinConfig> join;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("file", self.file, required());
    visit("path", self.path, required());
    visit("header", self.header);
    visit("join", self.join);
  }
};

/// What a video shows when: a table whose rows hold from their `at` until the next row's, or until `end`.
struct AnnotationsConfig {
  std::string path;       ///< below the repository's folder; {folder} and {stem} are the video's
  std::string separator;  ///< "" for the extension's: .csv a comma, else white space
  std::vector<std::string> header;
  std::string at;                 ///< column
  std::string end;                ///< column; "": the next row ends it
  std::string unit = "seconds";   ///< of at and end: seconds, frames, or h:mm:ss
  double frames_per_second = 25;  ///< of unit frames

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("path", self.path, required());
    visit("separator", self.separator);
    visit("header", self.header);
    visit("at", self.at, required());
    visit("end", self.end);
    visit("unit", self.unit, one_of({"seconds", "frames", "h:mm:ss"}));
    visit("frames_per_second", self.frames_per_second, at_least(0.001));
  }
};

struct VideoConfig {
  double frames_per_second = 1;  ///< that are taken
  std::optional<AnnotationsConfig> annotations;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("frames_per_second", self.frames_per_second, in_range(0.001, 1000));
    visit("annotations", self.annotations);
  }
};

/// How a whole slide is cut: its tiles are pixels of this resolution.
struct SlideConfig {
  double microns_per_pixel = 0.5;
  double tissue_below = 220;  ///< luma; a pixel above is glass
  double min_tissue = 0.5;    ///< share of a tile
  std::int64_t most = 0;      ///< tiles of a slide, drawn by a hash of their place; 0: all

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("microns_per_pixel", self.microns_per_pixel, in_range(0.01, 1000));
    visit("tissue_below", self.tissue_below, in_range(0, 255));
    visit("min_tissue", self.min_tissue, in_range(0, 1));
    visit("most", self.most, at_least(0));
  }
};

}  // namespace medisyn
