#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <optional>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/io/dicom.h"
#include "medisyn/io/resize.h"
#include "source_parts.h"

namespace medisyn {
namespace {

/// A picture out of a file or a frame, with what is known of it.
struct Shot {
  std::string stem;
  std::string folder;
  std::string patient;
  Extent extent;  ///< of a frame among its frames
};

double share_above(const Image& image, double threshold) {
  std::size_t above = 0;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    // Rec. 601 luma, as PIL's mode L.
    const double luma = 0.299 * image.pixels[i] + 0.587 * image.pixels[i + 1] + 0.114 * image.pixels[i + 2];
    above += luma > threshold ? 1 : 0;
  }
  return static_cast<double>(above) / (static_cast<double>(image.pixels.size()) / 3.0);
}

const char* third(double share, const std::array<const char*, 3>& names) {
  return names[std::min<std::size_t>(2, static_cast<std::size_t>(share * 3.0))];
}

/// Cuts one shot as the repository says and hands the pieces on.
class PictureCutter {
 public:
  PictureCutter(const CurateConfig& config, const RepositoryConfig& repository, Collector& collector)
      : repository_(repository), size_(static_cast<int>(config.size)), collector_(collector) {}

  void cut(const Image& picture, const Shot& shot) {
    const Image part = cropped(picture);
    if (repository_.tiles.empty()) {
      take(part, shot, shot.stem, {{"folder", shot.folder}}, shot.extent);
      return;
    }
    for (const TileConfig& tile : repository_.tiles) {
      cut_tiles(part, shot, tile);
    }
  }

 private:
  Image cropped(const Image& picture) const {
    const std::vector<std::int64_t>& box = repository_.crop;
    if (box.empty()) {
      return picture;
    }
    return crop(picture, static_cast<int>(box[0]), static_cast<int>(box[1]), static_cast<int>(box[2]),
                static_cast<int>(box[3]));
  }

  void cut_tiles(const Image& part, const Shot& shot, const TileConfig& tile) {
    const int side = static_cast<int>(tile.size);
    const int stride = static_cast<int>(tile.stride);
    for (int top = 0; top + side <= part.height; top += stride) {
      for (int left = 0; left + side <= part.width; left += stride) {
        const std::string name = fmt::format("{} {} {:04} {:04}", shot.stem, tile.name, top, left);
        const CaptionWords words{
            {"tile", tile.name},
            {"folder", shot.folder},
            {"row", third((top + side / 2.0) / part.height, {"upper", "middle", "lower"})},
            {"column", third((left + side / 2.0) / part.width, {"left", "central", "right"})}};
        take(crop(part, top, left, side, side), shot, name, words, tile_extent(part, shot, top, left, side));
      }
    }
  }

  Extent tile_extent(const Image& part, const Shot& shot, int top, int left, int side) const {
    if (repository_.split.rule != "region") {
      return shot.extent;
    }
    const bool is_x = repository_.split.axis == "x";
    const double whole = is_x ? part.width : part.height;
    const int begin = is_x ? left : top;
    return {begin / whole, (begin + side) / whole, 0.0};
  }

  void take(const Image& piece, const Shot& shot, const std::string& name, const CaptionWords& words,
            const Extent& extent) {
    constexpr double kTenth = 25.5;
    if (share_above(piece, repository_.foreground_above.value_or(kTenth)) < repository_.min_foreground) {
      collector_.skip(kBlank);
      return;
    }
    take_image(repository_, collector_, resize_and_crop(piece, size_), name,
               caption_words(repository_, words), {}, shot.patient, extent);
  }

  const RepositoryConfig& repository_;
  int size_;
  Collector& collector_;
};

}  // namespace

void read_picture_file(const CurateConfig& config, const RepositoryConfig& repository, const fs::path& path,
                       Collector& collector) {
  Image picture;
  try {
    picture = read_image(path);
  } catch (const Error& error) {
    collector.add_bad_file(path, error.what());
    return;
  }
  collector.add_good_file();
  const std::string stem = stem_of(config, repository, path);
  const Shot shot{stem, path.parent_path().filename().string(), patient_of(repository, stem, ""), {}};
  PictureCutter(config, repository, collector).cut(picture, shot);
}

void read_dicom_file(const CurateConfig& config, const RepositoryConfig& repository, const fs::path& path,
                     Collector& collector) {
  std::optional<GreyWindow> window;
  if (!repository.windows.empty()) {
    window = GreyWindow{*repository.windows[0].low, *repository.windows[0].high};
  }
  const std::string stem = stem_of(config, repository, path);
  // A fault while a frame is cut or written is none of the file's: it must not be counted as a corrupt file.
  std::exception_ptr own_fault;
  try {
    const DicomInfo info = read_dicom_info(path);
    const std::string patient = patient_of(repository, stem, info.patient_hash);
    read_dicom_frames(path, window, [&](int frame, const Image& picture) {
      if (frame % repository.frame_stride != 0) {
        return;
      }
      const std::string name = info.frames == 1 ? stem : fmt::format("{} frame {:04}", stem, frame);
      const Shot shot{name, path.parent_path().filename().string(), patient,
                      frame_extent(repository, frame, info.frames)};
      try {
        PictureCutter(config, repository, collector).cut(picture, shot);
      } catch (...) {
        own_fault = std::current_exception();
        throw;
      }
    });
    collector.add_good_file();
  } catch (const Error& error) {
    if (own_fault) {
      std::rethrow_exception(own_fault);
    }
    collector.add_bad_file(path, error.what());
  }
}

}  // namespace medisyn
