// DICOM files for tests, written by DCMTK, and by GDCM where DCMTK has no encoder (JPEG 2000).
#pragma once

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dcrleerg.h>
#include <dcmtk/dcmdata/dcrlerp.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmimage/diregist.h>
#include <dcmtk/dcmjpeg/djencode.h>
#include <dcmtk/dcmjpeg/djrplol.h>
#include <dcmtk/dcmjpeg/djrploss.h>
#include <dcmtk/dcmjpls/djencode.h>
#include <dcmtk/dcmjpls/djrparam.h>
#include <gdcmImageChangeTransferSyntax.h>
#include <gdcmImageReader.h>
#include <gdcmImageWriter.h>
#include <gdcmJPEG2000Codec.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/io/dicom.h"

namespace medisyn {

constexpr int kHeight = 8;
constexpr int kWidth = 16;
constexpr int kPixels = kHeight * kWidth;

inline void put_common(DcmDataset& dataset, const char* photometric, Uint16 samples) {
  dataset.putAndInsertString(DCM_SOPClassUID, UID_SecondaryCaptureImageStorage);
  dataset.putAndInsertString(DCM_SOPInstanceUID, "1.2.3.4");
  dataset.putAndInsertString(DCM_StudyInstanceUID, "1.2.3");
  dataset.putAndInsertString(DCM_PatientName, "Secret^Name");
  dataset.putAndInsertString(DCM_PatientID, "patient-7");
  dataset.putAndInsertString(DCM_Modality, "CT");
  dataset.putAndInsertString(DCM_PhotometricInterpretation, photometric);
  dataset.putAndInsertUint16(DCM_Rows, kHeight);
  dataset.putAndInsertUint16(DCM_Columns, kWidth);
  dataset.putAndInsertUint16(DCM_SamplesPerPixel, samples);
  if (samples > 1) {
    dataset.putAndInsertUint16(DCM_PlanarConfiguration, 0);
  }
}

inline void put_bits(DcmDataset& dataset, Uint16 allocated, Uint16 stored, bool is_signed = false) {
  dataset.putAndInsertUint16(DCM_BitsAllocated, allocated);
  dataset.putAndInsertUint16(DCM_BitsStored, stored);
  dataset.putAndInsertUint16(DCM_HighBit, static_cast<Uint16>(stored - 1));
  dataset.putAndInsertUint16(DCM_PixelRepresentation, is_signed ? 1 : 0);
}

/// 16 bit grey, pixel n holds 10 n. `edit` may change anything before the file is written.
inline fs::path write_grey(const std::function<void(DcmDataset&)>& edit = {},
                           const std::string& name = "grey.dcm") {
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  put_common(dataset, "MONOCHROME2", 1);
  put_bits(dataset, 16, 16);
  std::vector<Uint16> pixels;
  for (int n = 0; n < kPixels; ++n) {
    pixels.push_back(static_cast<Uint16>(10 * n));
  }
  dataset.putAndInsertUint16Array(DCM_PixelData, pixels.data(), pixels.size());
  if (edit) {
    edit(dataset);
  }
  const fs::path path = fresh_folder("grey") / name;
  EXPECT_TRUE(file.saveFile(path.c_str(), EXS_LittleEndianExplicit).good());
  return path;
}

inline void put_words(DcmDataset& dataset, const std::vector<Uint16>& words) {
  dataset.putAndInsertUint16Array(DCM_PixelData, words.data(), words.size());
}

/// RGB frames, each with a ramp of its own.
inline void fill_colour(DcmFileFormat& file, int frames) {
  DcmDataset& dataset = *file.getDataset();
  put_common(dataset, "RGB", 3);
  put_bits(dataset, 8, 8);
  dataset.putAndInsertString(DCM_NumberOfFrames, std::to_string(frames).c_str());
  std::vector<Uint8> pixels;
  for (int frame = 0; frame < frames; ++frame) {
    for (int n = 0; n < kPixels; ++n) {
      pixels.insert(pixels.end(), {static_cast<Uint8>(200 - 95 * frame), static_cast<Uint8>(n),
                                   static_cast<Uint8>(30 + 95 * frame)});
    }
  }
  dataset.putAndInsertUint8Array(DCM_PixelData, pixels.data(), pixels.size());
}

/// The file with its pixels in another transfer syntax.
inline void recode(const fs::path& from, const fs::path& to, E_TransferSyntax syntax) {
  DJEncoderRegistration::registerCodecs();
  DJLSEncoderRegistration::registerCodecs();
  DcmRLEEncoderRegistration::registerCodecs();
  const DJ_RPLossless lossless;
  const DJ_RPLossy lossy(95);
  const DJLSRepresentationParameter jpeg_ls(2, syntax == EXS_JPEGLSLossless);
  const DcmRLERepresentationParameter rle;
  const DcmRepresentationParameter* parameter = nullptr;
  switch (syntax) {
    case EXS_JPEGProcess14SV1:
      parameter = &lossless;
      break;
    case EXS_JPEGProcess1:
      parameter = &lossy;
      break;
    case EXS_JPEGLSLossless:
    case EXS_JPEGLSLossy:
      parameter = &jpeg_ls;
      break;
    case EXS_RLELossless:
      parameter = &rle;
      break;
    default:
      break;
  }
  DcmFileFormat file;
  EXPECT_TRUE(file.loadFile(from.c_str()).good());
  EXPECT_TRUE(file.getDataset()->chooseRepresentation(syntax, parameter).good())
      << DcmXfer(syntax).getXferName();
  EXPECT_TRUE(file.saveFile(to.c_str(), syntax).good());
  DJEncoderRegistration::cleanup();
  DJLSEncoderRegistration::cleanup();
  DcmRLEEncoderRegistration::cleanup();
}

/// With the stream's colour transform where there are colours.
inline void recode_jpeg2000(const fs::path& from, const fs::path& to, bool is_lossless) {
  gdcm::ImageReader reader;
  reader.SetFileName(from.c_str());
  ASSERT_TRUE(reader.Read());
  gdcm::JPEG2000Codec codec;
  const bool has_colours = reader.GetImage().GetPixelFormat().GetSamplesPerPixel() == 3;
  codec.SetReversible(is_lossless);
  codec.SetMCT(has_colours ? 1 : 0);
  if (!is_lossless) {
    codec.SetQuality(0, 60);
  }
  gdcm::ImageChangeTransferSyntax change;
  change.SetTransferSyntax(is_lossless ? gdcm::TransferSyntax::JPEG2000Lossless
                                       : gdcm::TransferSyntax::JPEG2000);
  change.SetInput(reader.GetImage());
  change.SetUserCodec(&codec);
  ASSERT_TRUE(change.Change());
  gdcm::ImageWriter writer;
  writer.SetFileName(to.c_str());
  writer.SetFile(reader.GetFile());
  writer.SetImage(change.GetOutput());
  ASSERT_TRUE(writer.Write());
  if (has_colours) {  // GDCM leaves RGB there
    DcmFileFormat file;
    ASSERT_TRUE(file.loadFile(to.c_str()).good());
    file.getDataset()->putAndInsertString(DCM_PhotometricInterpretation, is_lossless ? "YBR_RCT" : "YBR_ICT");
    ASSERT_TRUE(file.saveFile(to.c_str(), file.getDataset()->getOriginalXfer()).good());
  }
}

inline fs::path write_colour(int frames) {
  DcmFileFormat file;
  fill_colour(file, frames);
  const fs::path path = fresh_folder("colour") / "colour.dcm";
  EXPECT_TRUE(file.saveFile(path.c_str(), EXS_LittleEndianExplicit).good());
  return path;
}

inline std::vector<Image> frames_of(const fs::path& path, const std::optional<GreyWindow>& window = {}) {
  std::vector<Image> frames;
  read_dicom_frames(path, window, [&](int frame, const Image& image) {
    EXPECT_EQ(frame, static_cast<int>(frames.size()));
    EXPECT_EQ(image.pixels.size(),
              static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width) * 3);
    frames.push_back(image);
  });
  return frames;
}

/// The first channel of pixel n.
inline int value(const Image& image, int n) { return image.pixels.at(static_cast<std::size_t>(n) * 3); }

}  // namespace medisyn
