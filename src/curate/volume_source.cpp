#include <algorithm>
#include <cmath>
#include <optional>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/curate/label_map.h"
#include "medisyn/curate/source.h"
#include "medisyn/curate/split.h"
#include "medisyn/io/resize.h"
#include "medisyn/text/caption.h"
#include "source_parts.h"

namespace medisyn {
namespace {

struct Range {
  float low = 0.0F;
  float high = 1.0F;
};

Volume read_volume(const RepositoryConfig& repository, const fs::path& path) {
  if (repository.reader == "nifti") {
    return read_nifti(path);
  }
  if (repository.reader == "nrrd") {
    return read_nrrd(path);
  }
  const RawConfig& raw = *repository.raw;
  RawLayout layout{raw.dtype, raw.endian == "little", {}, {}, raw.orientation, raw.offset};
  std::transform(raw.size.begin(), raw.size.end(), layout.size.begin(),
                 [](std::int64_t n) { return static_cast<int>(std::clamp<std::int64_t>(n, 0, kMaxVoxels)); });
  std::copy(raw.spacing.begin(), raw.spacing.end(), layout.spacing.begin());
  return read_raw_volume(path, layout);
}

/// The window's ends in the volume's own values; percentiles are of the voxels above the least value, so that
/// the air around a head does not count.
Range window_range(const WindowConfig& window, const Volume& volume) {
  const auto least = [&] { return *std::min_element(volume.voxels.begin(), volume.voxels.end()); };
  Range range;
  range.low = window.low ? static_cast<float>(*window.low) : percentile(volume, *window.low_percent, least());
  range.high =
      window.high ? static_cast<float>(*window.high) : percentile(volume, *window.high_percent, least());
  range.high = std::max(range.high, range.low + 1e-6F);
  return range;
}

double share_above(const Slice& slice, float threshold) {
  const auto above = std::count_if(slice.values.begin(), slice.values.end(),
                                   [threshold](float value) { return value > threshold; });
  return static_cast<double>(above) / static_cast<double>(slice.values.size());
}

std::string position_name(const std::vector<PositionConfig>& positions, double share) {
  for (const PositionConfig& position : positions) {
    if (share >= position.from && share < position.to) {
      return position.name;
    }
  }
  return "";
}

/// One volume's way through its slices and windows.
class VolumeSlicer {
 public:
  VolumeSlicer(const CurateConfig& config, const RepositoryConfig& repository, const Volume& volume,
               const std::optional<LabelMap>& labels, std::string stem, Collector& collector)
      : config_(config),
        repository_(repository),
        volume_(volume),
        labels_(labels),
        stem_(std::move(stem)),
        collector_(collector) {
    for (const WindowConfig& window : repository.windows) {
      ranges_.push_back(window_range(window, volume));
    }
  }

  void take_all(const SlicesConfig& slices) {
    const Plane plane = plane_from_name(slices.plane);
    const int count = slice_count(volume_, plane);
    const int begin = static_cast<int>(std::ceil(slices.from * count));
    const int end = static_cast<int>(std::floor(slices.to * count));
    for (int index = begin; index < end; index += static_cast<int>(slices.stride)) {
      take(slices, plane, index, count);
    }
  }

 private:
  void take(const SlicesConfig& slices, Plane plane, int index, int count) {
    const Slice slice = take_slice(volume_, plane, index);
    const std::vector<std::string> structures =
        labels_ ? labels_->groups_in(plane, index) : std::vector<std::string>();
    const std::string position = position_name(slices.positions, (index + 0.5) / count);
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
      const Range range = ranges_[i];
      const float threshold = repository_.foreground_above ? static_cast<float>(*repository_.foreground_above)
                                                           : range.low + 0.1F * (range.high - range.low);
      if (share_above(slice, threshold) < repository_.min_foreground) {
        collector_.skip(kBlank);
        continue;
      }
      const WindowConfig& window = repository_.windows[i];
      const CaptionWords words = caption_words(repository_, {{"plane", slices.plane},
                                                             {"window", window.name},
                                                             {"position", position},
                                                             {"structures", join_words(structures)}});
      const std::string name = fmt::format("{} {} {:03} {}", stem_, slices.plane, index, window.name);
      take_image(repository_, collector_,
                 render_slice(slice, range.low, range.high, static_cast<int>(config_.size)), name, words,
                 structures, patient_of(repository_, stem_, ""), frame_extent(repository_, index, count));
    }
  }

  const CurateConfig& config_;
  const RepositoryConfig& repository_;
  const Volume& volume_;
  const std::optional<LabelMap>& labels_;
  std::string stem_;
  Collector& collector_;
  std::vector<Range> ranges_;
};

}  // namespace

Image render_slice(const Slice& slice, float low, float high, int size) {
  std::vector<float> grey(slice.values.size());
  std::transform(slice.values.begin(), slice.values.end(), grey.begin(), [&](float value) {
    // A NaN voxel compares false with everything and becomes black.
    const float scaled = (value - low) / (high - low) * 255.0F;
    return scaled > 0.0F ? std::min(scaled, 255.0F) : 0.0F;
  });
  const double height_mm = slice.height * slice.row_spacing;
  const double width_mm = slice.width * slice.column_spacing;
  const double scale = size / std::max(height_mm, width_mm);
  const int height = std::clamp(static_cast<int>(std::lround(height_mm * scale)), 1, size);
  const int width = std::clamp(static_cast<int>(std::lround(width_mm * scale)), 1, size);
  const torch::Tensor plane = torch::from_blob(grey.data(), {1, slice.height, slice.width}, torch::kFloat32);
  const torch::Tensor small = resize_float(plane, height, width).clamp_(0.0, 255.0).round_().contiguous();
  const auto* values = small.data_ptr<float>();
  const auto side = static_cast<std::size_t>(size);
  Image image{size, size, std::vector<std::uint8_t>(side * side * 3, 0)};
  const int top = (size - height) / 2;
  const int left = (size - width) / 2;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const std::size_t at =
          (static_cast<std::size_t>(top + y) * side + static_cast<std::size_t>(left + x)) * 3;
      std::fill_n(image.pixels.begin() + static_cast<std::ptrdiff_t>(at), 3,
                  static_cast<std::uint8_t>(*values));
      ++values;
    }
  }
  return image;
}

void read_volume_file(const CurateConfig& config, const RepositoryConfig& repository, const fs::path& path,
                      Collector& collector) {
  std::optional<Volume> volume;
  std::optional<LabelMap> labels;
  try {
    volume = read_volume(repository, path);
  } catch (const Error& error) {
    collector.add_bad_file(path, error.what());
    return;
  }
  if (repository.label_volume) {
    labels.emplace(*repository.label_volume, config.root, *volume);
  }
  collector.add_good_file();
  VolumeSlicer slicer(config, repository, *volume, labels, stem_of(config, repository, path), collector);
  for (const SlicesConfig& slices : repository.slices) {
    slicer.take_all(slices);
  }
}

}  // namespace medisyn
