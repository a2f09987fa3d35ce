#include "medisyn/curate/label_map.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>
#include <sstream>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/numbers.h"
#include "medisyn/core/utf8.h"
#include "medisyn/io/csv.h"

namespace medisyn {
namespace {

using Names = std::map<long, std::string>;

long parse_id(const std::string& text, const std::string& where) {
  const auto id = parse_number<long>(text);
  if (!id) {
    fail("{}: expected a label id, a whole number; found {:?}", where, text);
  }
  return *id;
}

void read_csv_names(const LabelVolumeConfig& config, const fs::path& path, Names& names) {
  const Table table = read_csv(path);
  const std::size_t id = table.column(config.id_column);
  const std::size_t name = table.column(config.name_column);
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    names[parse_id(table.rows[i][id], table.where(i))] = table.rows[i][name];
  }
}

/// Lines "id name ...", as MRIcron keeps them.
void read_plain_names(const fs::path& path, Names& names) {
  const std::string lines = read_file(path);
  check_utf8(lines, path.string());
  std::istringstream stream(lines);
  std::string text;
  for (int line = 1; std::getline(stream, text); ++line) {
    std::istringstream words(text);
    std::string id;
    std::string name;
    if (words >> id >> name) {
      names[parse_id(id, fmt::format("{}:{}", path.string(), line))] = name;
    }
  }
}

Names read_names(const LabelVolumeConfig& config, const fs::path& root) {
  Names names;
  for (const auto& [id, name] : config.names) {
    names[parse_id(id, "label_volume.names")] = name;
  }
  if (config.table && config.table->extension() == ".csv") {
    read_csv_names(config, root / *config.table, names);
  } else if (config.table) {
    read_plain_names(root / *config.table, names);
  }
  for (const auto& [id, name] : names) {
    constexpr std::size_t kLongest = 1000;  // std::regex goes one call deeper for each byte
    if (name.size() > kLongest) {
      fail("label_volume: structure {}: expected a name of at most {} bytes, found {}", id, kLongest,
           name.size());
    }
  }
  return names;
}

}  // namespace

LabelMap::LabelMap(const LabelVolumeConfig& config, const fs::path& root, const Volume& volume)
    : config_(config) {
  const fs::path path = root / config.path;
  labels_ = path.extension() == ".nrrd" ? read_nrrd(path) : read_nifti(path);
  if (labels_.size != volume.size) {
    fail("{}: expected the grid of its volume, {} x {} x {} voxels, found {} x {} x {}", path.string(),
         volume.size[0], volume.size[1], volume.size[2], labels_.size[0], labels_.size[1], labels_.size[2]);
  }
  const Names names = read_names(config, root);
  for (std::size_t group = 0; group < config.groups.size(); ++group) {
    const std::regex pattern(config.groups[group].match);
    bool is_found = false;
    for (const auto& [id, name] : names) {
      if (std::regex_match(name, pattern)) {
        group_of_id_.emplace(id, group);  // the first group that matches keeps the structure
        is_found = true;
      }
    }
    if (!is_found) {
      fail("{}: label group {:?}: no structure's name matches {:?}", path.string(), config.groups[group].name,
           config.groups[group].match);
    }
  }
}

std::vector<std::string> LabelMap::groups_in(Plane plane, int index) const {
  const Slice slice = take_slice(labels_, plane, index);
  std::map<long, std::size_t> voxels_of_id;
  float last = std::numeric_limits<float>::quiet_NaN();
  std::size_t* count = nullptr;
  for (const float value : slice.values) {
    if (value != last) {  // labels come in long runs: one search a run
      count = &voxels_of_id[std::lround(value)];
      last = value;
    }
    ++*count;
  }
  std::vector<std::pair<std::size_t, std::size_t>> sizes;  // voxels, group
  for (std::size_t group = 0; group < config_.groups.size(); ++group) {
    sizes.emplace_back(0, group);
  }
  for (const auto& [id, voxels] : voxels_of_id) {
    const auto found = group_of_id_.find(id);
    if (found != group_of_id_.end()) {
      sizes[found->second].first += voxels;
    }
  }
  const double least = config_.min_share * static_cast<double>(slice.values.size());
  std::erase_if(sizes,
                [&](const auto& size) { return size.first == 0 || static_cast<double>(size.first) < least; });
  std::stable_sort(sizes.begin(), sizes.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  sizes.resize(std::min(sizes.size(), static_cast<std::size_t>(config_.most)));
  std::sort(sizes.begin(), sizes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  std::vector<std::string> shown;
  for (const auto& [voxels, group] : sizes) {
    shown.push_back(config_.groups[group].name);
  }
  return shown;
}

}  // namespace medisyn
