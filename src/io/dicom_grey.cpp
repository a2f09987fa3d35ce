#include "dicom_grey.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "dicom_lookup.h"

namespace medisyn {
namespace {

using Curve = std::function<double(double)>;

/// The item that holds a frame's own values of one kind: in the frame's functional group, or the one shared
/// by all, or the file itself.
DcmItem& values_of(DcmDataset& dataset, const DcmTagKey& kind, int frame) {
  DcmItem* group = nullptr;
  DcmItem* item = nullptr;
  if (dataset.findAndGetSequenceItem(DCM_PerFrameFunctionalGroupsSequence, group, frame).good() &&
      group->findAndGetSequenceItem(kind, item).good()) {
    return *item;
  }
  if (dataset.findAndGetSequenceItem(DCM_SharedFunctionalGroupsSequence, group).good() &&
      group->findAndGetSequenceItem(kind, item).good()) {
    return *item;
  }
  return dataset;
}

std::optional<LookupTable> first_table(DcmItem& item, const DcmTagKey& sequence, bool is_signed) {
  DcmItem* table = nullptr;
  if (item.findAndGetSequenceItem(sequence, table).bad()) {
    return std::nullopt;
  }
  return read_lookup_table(*table, DCM_LUTDescriptor, DCM_LUTData, is_signed);
}

Curve modality_of(DcmDataset& dataset, const PixelLayout& layout, int frame) {
  if (auto table = first_table(dataset, DCM_ModalityLUTSequence, layout.is_signed)) {
    return [table = std::move(*table)](double value) { return table.at(value); };
  }
  DcmItem& values = values_of(dataset, DCM_PixelValueTransformationSequence, frame);
  const double slope = dicom_decimal(values, DCM_RescaleSlope).value_or(1.0);
  const double intercept = dicom_decimal(values, DCM_RescaleIntercept).value_or(0.0);
  return [slope = slope == 0.0 ? 1.0 : slope, intercept](double value) { return value * slope + intercept; };
}

/// From `low`, black, to `high`, white. Where they meet, what is above is white.
Curve ramp(double low, double high) {
  return [low, high](double value) {
    return high > low ? std::clamp((value - low) / (high - low), 0.0, 1.0) : value > low ? 1.0 : 0.0;
  };
}

/// C.11.2.1.2 and C.11.2.1.3. Nothing when the file has no window, or one that means nothing.
Curve window_of(DcmItem& values) {
  const auto centre = dicom_decimal(values, DCM_WindowCenter);
  const auto width = dicom_decimal(values, DCM_WindowWidth);
  if (!centre || !width || *width <= 0.0) {
    return {};
  }
  const std::string function = dicom_first_text(values, DCM_VOILUTFunction);
  if (function == "SIGMOID") {
    return [centre = *centre, width = *width](double value) {
      return 1.0 / (1.0 + std::exp(-4.0 * (value - centre) / width));
    };
  }
  if (function == "LINEAR_EXACT") {
    return ramp(*centre - *width / 2.0, *centre + *width / 2.0);
  }
  const double half = std::max(0.0, *width - 1.0) / 2.0;
  return ramp(*centre - 0.5 - half, *centre - 0.5 + half);
}

Curve voi_of(DcmDataset& dataset, const PixelLayout& layout, int frame) {
  if (auto table = first_table(dataset, DCM_VOILUTSequence, layout.is_signed)) {
    return [table = std::move(*table)](double value) { return table.at(value) / table.top; };
  }
  return window_of(values_of(dataset, DCM_FrameVOILUTSequence, frame));
}

/// What the numbers of a broken header make NaN is black.
std::uint8_t byte_of(double grey) {
  return grey > 0.0 ? static_cast<std::uint8_t>(std::min(grey, 1.0) * 255.0 + 0.5) : std::uint8_t{0};
}

/// Values between PixelPaddingValue and PixelPaddingRangeLimit, one alone when there is no limit.
std::optional<std::pair<std::int64_t, std::int64_t>> padding_of(DcmDataset& dataset,
                                                                const PixelLayout& layout) {
  const auto stored = [&](int bits) -> std::int64_t {
    return layout.is_signed ? static_cast<std::int16_t>(bits) : bits;
  };
  const auto value = dicom_word16(dataset, DCM_PixelPaddingValue);
  if (!value) {
    return std::nullopt;
  }
  const auto limit = dicom_word16(dataset, DCM_PixelPaddingRangeLimit);
  return std::minmax(stored(*value), stored(limit.value_or(*value)));
}

}  // namespace

GreyTransform::GreyTransform(DcmDataset& dataset, const PixelLayout& layout,
                             const std::optional<GreyWindow>& window, int frame)
    : modality_(modality_of(dataset, layout, frame)),
      voi_(window ? ramp(window->low, window->high) : voi_of(dataset, layout, frame)),
      padding_(padding_of(dataset, layout)),
      is_inverted_(layout.photometric == "MONOCHROME1") {}

bool GreyTransform::is_padding(std::int64_t stored) const {
  return padding_ && stored >= padding_->first && stored <= padding_->second;
}

std::vector<std::uint8_t> GreyTransform::apply(const StoredFrame& frame) const {
  Curve voi = voi_;
  const bool is_stretched = !voi_;
  if (is_stretched) {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (std::size_t i = 0; i < frame.layout.pixels(); ++i) {
      const std::int64_t stored = frame.value(frame.code(i));
      if (!is_padding(stored)) {
        const double value = modality_(static_cast<double>(stored));
        low = std::min(low, value);
        high = std::max(high, value);
      }
    }
    voi = ramp(low, high);
  }
  return map_samples(frame, [&](std::int64_t stored) {
    if (is_stretched && is_padding(stored)) {
      return std::uint8_t{0};
    }
    const double grey = voi(modality_(static_cast<double>(stored)));
    return byte_of(is_inverted_ ? 1.0 - grey : grey);
  });
}

}  // namespace medisyn
