#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "medisyn/core/files.h"
#include "medisyn/io/dicom.h"
#include "medisyn/io/tar.h"
#include "readers.h"

namespace medisyn {
namespace {

const char* third(double share, const std::array<const char*, 3>& names) {
  return names[std::min<std::size_t>(2, static_cast<std::size_t>(share * 3.0))];
}

Image cropped(const RepositoryConfig& repository, const Image& picture) {
  const std::vector<std::int64_t>& box = repository.crop;
  if (box.empty()) {
    return picture;
  }
  return crop(picture, static_cast<int>(box[0]), static_cast<int>(box[1]), static_cast<int>(box[2]),
              static_cast<int>(box[3]));
}

Extent tile_extent(const SideConfig& config, const Image& part, const Extent& whole, int top, int left,
                   int side) {
  if (config.rule != "region") {
    return whole;
  }
  const bool is_x = config.axis == "x";
  const double length = is_x ? part.width : part.height;
  const int begin = is_x ? left : top;
  return {begin / length, (begin + side) / length, 0.0};
}

void cut_tiles(const RepositoryConfig& repository, const Facts& facts, const Shot& whole, const Image& part,
               const TileConfig& tile, const ShotSink& sink) {
  const int side = static_cast<int>(tile.size), stride = static_cast<int>(tile.stride);
  for (int top = 0; top + side <= part.height; top += stride) {
    for (int left = 0; left + side <= part.width; left += stride) {
      Shot shot{.picture = crop(part, top, left, side, side),
                .name = fmt::format("{} {} {:04} {:04}", whole.name, tile.name, top, left),
                .words = place_words((top + side / 2.0) / part.height, (left + side / 2.0) / part.width),
                .extent = tile_extent(repository.split, part, whole.extent, top, left, side),
                .seconds = whole.seconds};
      shot.words["tile"] = tile.name;
      shot.words.insert(whole.words.begin(), whole.words.end());
      sink.take(facts, shot);
    }
  }
}

void read_picture(const RepositoryConfig& repository, const Item& item, const ShotSink& sink) {
  const Facts facts{.item = &item};
  if (!sink.begin(facts)) {
    return;
  }
  const Image picture = item.size == 0 ? read_image(item.file)
                                       : decode_image(read_file_part(item.file, item.begin, item.size),
                                                      item.file.string() + ": " + item.below);
  cut_picture(repository, facts, {.picture = picture}, sink);
}

void read_dicom(const RepositoryConfig& repository, const Item& item, const ShotSink& sink) {
  std::optional<GreyWindow> window;
  if (!repository.windows.empty()) {
    window = GreyWindow{*repository.windows[0].low, *repository.windows[0].high};
  }
  const DicomInfo info = read_dicom_info(item.file);
  const Facts facts{.item = &item, .dicom = &info};
  if (!sink.begin(facts)) {
    return;
  }
  read_dicom_frames(item.file, window, [&](int frame, const Image& picture) {
    if (frame % repository.frame_stride == 0) {
      cut_picture(repository, facts,
                  {.picture = picture,
                   .name = info.frames == 1 ? "" : fmt::format("frame {:04}", frame),
                   .extent = frame_extent(repository.split, frame, info.frames)},
                  sink);
    }
  });
}

}  // namespace

CaptionWords place_words(double row, double column) {
  return {{"row", third(row, {"upper", "middle", "lower"})},
          {"column", third(column, {"left", "central", "right"})}};
}

void cut_picture(const RepositoryConfig& repository, const Facts& facts, const Shot& whole,
                 const ShotSink& sink) {
  const Image part = cropped(repository, whole.picture);
  if (repository.tiles.empty()) {
    Shot shot = whole;
    shot.picture = part;
    sink.take(facts, shot);
  }
  for (const TileConfig& tile : repository.tiles) {
    cut_tiles(repository, facts, whole, part, tile, sink);
  }
}

void read_item(const CurateConfig& config, const RepositoryConfig& repository, const Item& item,
               const ShotSink& sink) {
  if (repository.reader == "picture") {
    read_picture(repository, item, sink);
  } else if (repository.reader == "dicom") {
    read_dicom(repository, item, sink);
  } else if (repository.reader == "video") {
    read_video(config, repository, item, sink);
  } else if (repository.reader == "slide") {
    read_slide(repository, item, sink);
  } else {
    read_volume(config, repository, item, sink);
  }
}

}  // namespace medisyn
