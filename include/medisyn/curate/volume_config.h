// The part of curate's YAML that concerns volumes: windows, slices, label maps, headerless layouts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/config.h"

namespace medisyn {

/// Which values become black and white: given ones (HU), or percentiles of the voxels above the least value.
struct WindowConfig {
  std::string name;  ///< {window} of the caption
  std::optional<double> low, high;
  std::optional<double> low_percent, high_percent;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name);
    visit("low", self.low);
    visit("high", self.high);
    visit("low_percent", self.low_percent, in_range(0, 100));
    visit("high_percent", self.high_percent, in_range(0, 100));
  }
};

/// Structures whose names match are called `name` in captions.
struct LabelGroupConfig {
  std::string name;
  std::string match;  ///< regular expression (ECMAScript) over the whole structure name

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, required());
    visit("match", self.match, required());
  }
};

/// A label map on the volume's own grid, which says what a slice shows.
struct LabelVolumeConfig {
  std::filesystem::path path;                  ///< NIfTI or NRRD by its extension
  std::optional<std::filesystem::path> table;  ///< .csv with a header, or lines "id name ..."
  std::string id_column = "id";                ///< of a .csv
  std::string name_column = "name";            ///< of a .csv
  std::map<std::string, std::string> names;    ///< id -> name, instead of or beside the table
  std::vector<LabelGroupConfig> groups;  ///< in the order in which a caption names them; others are not named
  double min_share = 0.01;               ///< of the slice's pixels, for a group to be named
  std::int64_t most = 2;                 ///< how many groups a caption names: the largest

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("path", self.path, required());
    visit("table", self.table);
    visit("id_column", self.id_column);
    visit("name_column", self.name_column);
    visit("names", self.names);
    visit("groups", self.groups);
    visit("min_share", self.min_share, in_range(0, 1));
    visit("most", self.most, at_least(1));
  }
};

/// A part of the way through a volume (foot to head, back to front, left to right), for {position}.
struct PositionConfig {
  std::string name;
  double from = 0.0;
  double to = 1.0;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, required());
    visit("from", self.from, in_range(0, 1));
    visit("to", self.to, in_range(0, 1));
  }
};

/// Layout of a headerless volume; see io/volume.h.
struct RawConfig {
  std::string dtype = "int16";
  std::string endian = "little";
  std::vector<std::int64_t> size;  ///< voxels, fastest axis first
  std::vector<double> spacing;     ///< mm, fastest axis first
  std::string orientation;         ///< where each axis grows to, such as LPS
  std::int64_t offset = 0;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("dtype", self.dtype);
    visit("endian", self.endian, one_of({"little", "big"}));
    visit("size", self.size, required());
    visit("spacing", self.spacing, required());
    visit("orientation", self.orientation, required());
    visit("offset", self.offset, at_least(0));
  }
};

/// One way of slicing a volume.
struct SlicesConfig {
  std::string plane = "axial";
  double from = 0.0;  ///< share of the way through, from foot, back or left
  double to = 1.0;
  std::int64_t stride = 1;
  std::vector<PositionConfig> positions;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("plane", self.plane, one_of({"axial", "coronal", "sagittal"}));
    visit("from", self.from, in_range(0, 1));
    visit("to", self.to, in_range(0, 1));
    visit("stride", self.stride, at_least(1));
    visit("positions", self.positions);
  }
};

}  // namespace medisyn
