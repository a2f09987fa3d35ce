// A miniature tree of repositories: a raw volume with a label map, an image folder with planted faults.
#pragma once

#include <fmt/format.h>

#include <string>

#include "medisyn/core/files.h"
#include "medisyn/io/image.h"

namespace medisyn {

/// A 16 x 16 picture whose pixels depend on `seed`.
inline Image small_picture(int seed) {
  Image image{16, 16, {}};
  for (int i = 0; i < 16 * 16 * 3; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(60 + (i * seed) % 180));
  }
  return image;
}

/// ROOT/skin/patch<N>.png for N of 0 to 29 (patients N div 10): 28 good ones, patch7 a copy of patch6, patch9
/// cut. ROOT/head.raw (8 x 8 x 6 voxels, axial slice z holds 100 z) and ROOT/labels.nrrd (structure 1 in the
/// upper half).
inline void write_miniature(const fs::path& root) {
  fs::create_directories(root / "skin");
  for (int n = 0; n < 30; ++n) {
    const std::string png = encode_png(small_picture(n == 7 ? 7 : n + 1));
    write_file(root / "skin" / fmt::format("patch{}.png", n), n == 9 ? png.substr(0, png.size() / 2) : png);
  }
  std::string head;
  std::string labels;
  for (int z = 0; z < 6; ++z) {
    for (int i = 0; i < 64; ++i) {
      const auto value = static_cast<std::int16_t>(i < 32 ? 100 * z : 100 * z + i);
      head.append(reinterpret_cast<const char*>(&value), 2);
      labels += static_cast<char>(z >= 3 ? 1 : 0);
    }
  }
  write_file(root / "head.raw", head);
  write_file(root / "labels.nrrd",
             "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 8 8 6\nencoding: raw\nspace: RAS\n"
             "space directions: (1,0,0) (0,1,0) (0,0,1)\n\n" +
                 labels);
  write_file(root / "names.csv", "id,name\n1,brain_upper\n2,elsewhere\n");
}

inline std::string miniature_yaml(const fs::path& root) {
  return fmt::format(R"yaml(root: {}
size: 16
max_bad_fraction: 0.05
repositories:
  - name: skin
    reader: picture
    path: skin
    specialty: Dermatology
    image_type: Dermoscopy
    caption: "Dermoscopy image"
    source: made up
    licence: CC0-1.0
    labels: {{fixed: ["µ, \"quoted\""]}}
    patient: {{regex: "patch(\\d+)", divide_by: 10}}
    split: {{rule: patients, test: ["2"]}}
  - name: head
    reader: raw
    path: head.raw
    specialty: Radiology
    image_type: MRI
    caption: "{{plane}} MRI slice[, showing the {{structures}}]"
    source: made up too
    licence: CC0-1.0
    patient: {{fixed: one}}
    split: {{rule: frames, from: 0.8}}
    raw: {{dtype: int16, size: [8, 8, 6], spacing: [1, 1, 1], orientation: RAS}}
    windows: [{{low: 0, high: 600}}]
    slices: [{{plane: axial}}]
    label_volume:
      path: labels.nrrd
      table: names.csv
      groups: [{{name: brain, match: "brain_.*"}}]
    min_foreground: 0.2
)yaml",
                     root.string());
}

}  // namespace medisyn
