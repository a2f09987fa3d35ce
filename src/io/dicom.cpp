#include "medisyn/io/dicom.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include "dicom_colour.h"
#include "dicom_file.h"
#include "dicom_frames.h"
#include "dicom_grey.h"
#include "dicom_header.h"
#include "medisyn/core/error.h"

namespace medisyn {
namespace {

Image rendered(DcmDataset& dataset, const StoredFrame& frame, const std::optional<GreyWindow>& window,
               int index, const std::string& where) {
  Image image{frame.layout.height, frame.layout.width, {}};
  if (!frame.layout.is_grey()) {
    image.pixels = to_rgb(dataset, frame, where);
    return image;
  }
  const std::vector<std::uint8_t> grey = GreyTransform(dataset, frame.layout, window, index).apply(frame);
  image.pixels.reserve(grey.size() * 3);
  for (const std::uint8_t value : grey) {
    image.pixels.insert(image.pixels.end(), 3, value);
  }
  return image;
}

}  // namespace

DicomInfo read_dicom_info(const std::filesystem::path& path) {
  const auto file = open_dicom(path);
  DcmDataset& dataset = *file->getDataset();
  return read_header(dataset, read_pixel_layout(dataset, path));
}

DicomInfo read_dicom_frames(const std::filesystem::path& path, const std::optional<GreyWindow>& window,
                            const std::function<void(int, const Image&)>& take) {
  const auto file = open_dicom(path);
  DcmDataset& dataset = *file->getDataset();
  const PixelLayout layout = read_pixel_layout(dataset, path);
  FrameDecoder decoder(dataset, layout, path.string());
  for (int index = 0; index < layout.frames; ++index) {
    const StoredFrame frame = decoder.decode(index);
    take(index, rendered(dataset, frame, window, index, fmt::format("{}: frame {}", path.string(), index)));
  }
  return read_header(dataset, layout);
}

}  // namespace medisyn
