#include <algorithm>
#include <cmath>
#include <optional>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/curate/label_map.h"
#include "medisyn/io/resize.h"
#include "readers.h"

namespace medisyn {
namespace {

struct Range {
  float low = 0.0F;
  float high = 1.0F;
};

Volume open_volume(const RepositoryConfig& repository, const fs::path& path) {
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
               const std::optional<LabelMap>& labels, const Facts& facts, const ShotSink& sink)
      : size_(static_cast<int>(config.size)),
        repository_(repository),
        volume_(volume),
        labels_(labels),
        facts_(facts),
        sink_(sink) {
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
        sink_.skip(kBlank);
        continue;
      }
      const WindowConfig& window = repository_.windows[i];
      sink_.take(facts_, {.picture = render_slice(slice, range.low, range.high, size_),
                          .name = fmt::format("{} {:03} {}", slices.plane, index, window.name),
                          .words = {{"plane", slices.plane},
                                    {"window", window.name},
                                    {"position", position},
                                    {"structures", join_words(structures)}},
                          .structures = structures,
                          .extent = frame_extent(repository_.split, index, count),
                          .is_finished = true});
    }
  }

  int size_;
  const RepositoryConfig& repository_;
  const Volume& volume_;
  const std::optional<LabelMap>& labels_;
  const Facts& facts_;
  const ShotSink& sink_;
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

void read_volume(const CurateConfig& config, const RepositoryConfig& repository, const Item& item,
                 const ShotSink& sink) {
  const Facts facts{.item = &item};
  if (!sink.begin(facts)) {
    return;
  }
  const Volume volume = open_volume(repository, item.file);
  std::optional<LabelMap> labels;
  if (repository.label_volume) {
    labels.emplace(*repository.label_volume, config.root, volume);
  }
  VolumeSlicer slicer(config, repository, volume, labels, facts, sink);
  for (const SlicesConfig& slices : repository.slices) {
    slicer.take_all(slices);
  }
}

}  // namespace medisyn
