// Which named structures a slice shows, out of a label volume.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "medisyn/curate/volume_config.h"
#include "medisyn/io/volume.h"

namespace medisyn {

class LabelMap {
 public:
  /// Reads the label volume and the names. Error when it has another size than `volume`, an id is no number,
  /// or a group matches no name.
  LabelMap(const LabelVolumeConfig& config, const std::filesystem::path& root, const Volume& volume);

  /// The largest groups of a slice that have at least min_share of its pixels, at most `most`, in the
  /// config's order.
  std::vector<std::string> groups_in(Plane plane, int index) const;

 private:
  LabelVolumeConfig config_;
  Volume labels_;
  std::map<long, std::size_t> group_of_id_;
};

}  // namespace medisyn
