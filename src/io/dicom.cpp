#include "medisyn/io/dicom.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmimage/diregist.h>
#include <dcmtk/dcmimgle/dcmimage.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>

#include <memory>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

/// Registers the decoders once; DCMTK's own log stays silent, because every failure becomes an Error.
void prepare_dcmtk() {
  static const bool is_ready = [] {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    DcmRLEDecoderRegistration::registerCodecs();
    DJDecoderRegistration::registerCodecs();
    DJLSDecoderRegistration::registerCodecs();
    return true;
  }();
  static_cast<void>(is_ready);
}

std::string text_of(DcmDataset& dataset, const DcmTagKey& tag) {
  OFString value;
  return dataset.findAndGetOFString(tag, value).good() ? std::string(value.c_str(), value.size()) : "";
}

int number_of(DcmDataset& dataset, const DcmTagKey& tag, int missing) {
  Uint16 value = 0;
  return dataset.findAndGetUint16(tag, value).good() ? value : missing;
}

std::string patient_hash(DcmDataset& dataset) {
  const std::string patient = text_of(dataset, DCM_PatientID);
  const std::string known = patient.empty() ? text_of(dataset, DCM_StudyInstanceUID) : patient;
  return known.empty() ? "" : sha256_hex(known).substr(0, 16);
}

std::unique_ptr<DcmFileFormat> load(const fs::path& path) {
  prepare_dcmtk();
  if (!fs::is_regular_file(path)) {
    fail("{}: no such file", path.string());
  }
  auto file = std::make_unique<DcmFileFormat>();
  const OFCondition status = file->loadFile(path.c_str());
  if (status.bad()) {
    fail("{}: expected a DICOM file, found none that can be read ({})", path.string(), status.text());
  }
  return file;
}

/// Sizes as the header gives them, checked against what is there before anything is allocated.
DicomInfo checked_info(DcmDataset& dataset, const fs::path& path) {
  DicomInfo info;
  info.height = number_of(dataset, DCM_Rows, 0);
  info.width = number_of(dataset, DCM_Columns, 0);
  info.modality = text_of(dataset, DCM_Modality);
  info.photometric = text_of(dataset, DCM_PhotometricInterpretation);
  info.patient_hash = patient_hash(dataset);
  info.has_burned_in_text = text_of(dataset, DCM_BurnedInAnnotation) == "YES";
  Sint32 frames = 1;
  dataset.findAndGetSint32(DCM_NumberOfFrames, frames);
  info.frames = frames == 0 ? 1 : static_cast<int>(frames);  // some writers leave the number out or say 0
  if (info.height <= 0 || info.width <= 0 || info.photometric.empty() || !dataset.tagExists(DCM_PixelData)) {
    fail("{}: a DICOM file without a picture (rows {}, columns {}, photometric interpretation {:?})",
         path.string(), info.height, info.width, info.photometric);
  }
  const std::int64_t pixels = static_cast<std::int64_t>(info.height) * info.width;
  if (info.frames < 1 || info.frames > 1'000'000 || pixels > kMaxImagePixels) {
    fail("{}: its header claims {} frames of {} x {} pixels", path.string(), info.frames, info.width,
         info.height);
  }
  const DcmXfer transfer(dataset.getOriginalXfer());
  const std::int64_t bits = static_cast<std::int64_t>(number_of(dataset, DCM_BitsAllocated, 8)) *
                            number_of(dataset, DCM_SamplesPerPixel, 1);
  const auto size = static_cast<std::int64_t>(fs::file_size(path));
  // YBR_FULL_422 keeps two bytes a pixel where the header says three.
  const std::int64_t least_bits = info.photometric == "YBR_FULL_422" ? bits * 2 / 3 : bits;
  const bool is_native = !transfer.isEncapsulated() && transfer.getStreamCompression() == ESC_none;
  if (is_native && pixels * info.frames * least_bits / 8 > size) {
    fail("{}: cut short: its header claims {} frames of {} x {} pixels of {} bits, the file has {} bytes",
         path.string(), info.frames, info.width, info.height, bits, size);
  }
  return info;
}

/// Chooses what becomes black and white.
void set_window(DicomImage& image, const std::optional<GreyWindow>& window) {
  if (!image.isMonochrome()) {
    return;
  }
  image.hideAllOverlays();  // lines and letters that somebody drew are no part of the picture
  if (window) {
    // DICOM's window c, w maps c - 0.5 - (w - 1) / 2 to black and c - 0.5 + (w - 1) / 2 to white (PS3.3
    // C.11.2.1.2).
    const double width = window->high - window->low + 1.0;
    image.setWindow(window->low + (width - 1.0) / 2.0 + 0.5, width);
  } else if (image.getVoiLutCount() > 0) {
    image.setVoiLut(0);
  } else if (image.getWindowCount() > 0) {
    image.setWindow(0);
  } else {
    image.setMinMaxWindow();
  }
}

/// The first frame that the image holds now.
Image rendered(DicomImage& image, const std::string& where) {
  Image out{static_cast<int>(image.getHeight()), static_cast<int>(image.getWidth()), {}};
  const auto pixels = static_cast<std::size_t>(out.height) * static_cast<std::size_t>(out.width);
  const std::size_t channels = image.isMonochrome() ? 1 : 3;
  const auto* data = static_cast<const std::uint8_t*>(image.getOutputData(8, 0, 0));
  if (data == nullptr || image.getOutputDataSize(8) < pixels * channels) {
    fail("{}: its pixels cannot be decoded ({})", where, DicomImage::getString(image.getStatus()));
  }
  out.pixels.resize(pixels * 3);
  for (std::size_t i = 0; i < out.pixels.size(); ++i) {
    out.pixels[i] = data[channels == 1 ? i / 3 : i];
  }
  return out;
}

}  // namespace

DicomInfo read_dicom_info(const fs::path& path) {
  const auto file = load(path);
  return checked_info(*file->getDataset(), path);
}

DicomInfo read_dicom_frames(const fs::path& path, const std::optional<GreyWindow>& window,
                            const std::function<void(int, const Image&)>& take) {
  const auto file = load(path);
  DcmDataset& dataset = *file->getDataset();
  const DicomInfo info = checked_info(dataset, path);
  DicomImage image(file.get(), dataset.getOriginalXfer(), CIF_UsePartialAccessToPixelData, 0, 1);
  for (int frame = 0; frame < info.frames; ++frame) {
    const std::string where = fmt::format("{}: frame {}", path.string(), frame);
    if (image.getStatus() != EIS_Normal || (frame > 0 && image.processNextFrames(1) == 0)) {
      const DcmXfer transfer(dataset.getOriginalXfer());
      fail("{}: its pixels cannot be decoded ({}; {})", where, DicomImage::getString(image.getStatus()),
           transfer.getXferName());
    }
    set_window(image, window);
    take(frame, rendered(image, where));
  }
  return info;
}

}  // namespace medisyn
