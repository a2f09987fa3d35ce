#include "medisyn/io/dicom.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcrleerg.h>
#include <dcmtk/dcmdata/dcrlerp.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmjpeg/djencode.h>
#include <dcmtk/dcmjpeg/djrplol.h>
#include <dcmtk/dcmjpeg/djrploss.h>

#include <random>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

constexpr int kHeight = 8;
constexpr int kWidth = 16;

struct Grey {
  const char* photometric = "MONOCHROME2";
  const char* slope = "1";
  const char* intercept = "0";
  const char* window_centre = "";
  const char* window_width = "";
};

void put_common(DcmDataset& dataset, const char* photometric, Uint16 samples) {
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
}

void put_bits(DcmDataset& dataset, Uint16 bits) {
  dataset.putAndInsertUint16(DCM_BitsAllocated, bits);
  dataset.putAndInsertUint16(DCM_BitsStored, bits);
  dataset.putAndInsertUint16(DCM_HighBit, static_cast<Uint16>(bits - 1));
  dataset.putAndInsertUint16(DCM_PixelRepresentation, 0);
}

/// 16 bit grey, pixel n holds 10 n.
fs::path write_grey(const Grey& grey) {
  DcmFileFormat file;
  DcmDataset& dataset = *file.getDataset();
  put_common(dataset, grey.photometric, 1);
  put_bits(dataset, 16);
  dataset.putAndInsertString(DCM_RescaleSlope, grey.slope);
  dataset.putAndInsertString(DCM_RescaleIntercept, grey.intercept);
  if (*grey.window_centre != '\0') {
    dataset.putAndInsertString(DCM_WindowCenter, grey.window_centre);
    dataset.putAndInsertString(DCM_WindowWidth, grey.window_width);
  }
  std::vector<Uint16> pixels;
  for (int n = 0; n < kHeight * kWidth; ++n) {
    pixels.push_back(static_cast<Uint16>(10 * n));
  }
  dataset.putAndInsertUint16Array(DCM_PixelData, pixels.data(), pixels.size());
  const fs::path path = fresh_folder() / "grey.dcm";
  EXPECT_TRUE(file.saveFile(path.c_str(), EXS_LittleEndianExplicit).good());
  return path;
}

/// Two RGB frames: the first red, the second blue.
void fill_colour(DcmFileFormat& file) {
  DcmDataset& dataset = *file.getDataset();
  put_common(dataset, "RGB", 3);
  put_bits(dataset, 8);
  dataset.putAndInsertUint16(DCM_PlanarConfiguration, 0);
  dataset.putAndInsertString(DCM_NumberOfFrames, "2");
  std::vector<Uint8> pixels;
  for (int frame = 0; frame < 2; ++frame) {
    for (int n = 0; n < kHeight * kWidth; ++n) {
      const Uint8 red = frame == 0 ? 200 : 10;
      const Uint8 blue = frame == 0 ? 30 : 220;
      pixels.insert(pixels.end(), {red, 20, blue});
    }
  }
  dataset.putAndInsertUint8Array(DCM_PixelData, pixels.data(), pixels.size());
}

std::vector<Image> frames_of(const fs::path& path, const std::optional<GreyWindow>& window = {}) {
  std::vector<Image> frames;
  read_dicom_frames(path, window, [&](int frame, const Image& image) {
    EXPECT_EQ(frame, static_cast<int>(frames.size()));
    frames.push_back(image);
  });
  return frames;
}

int value(const Image& image, int n) { return image.pixels[static_cast<std::size_t>(n) * 3]; }

TEST(Dicom, WindowIsOfRescaledValues) {
  const fs::path path = write_grey({.slope = "2", .intercept = "-1000"});
  const Image image = frames_of(path, GreyWindow{-1000, 20})[0];  // stored 0 .. 510: pixels 0 .. 51
  EXPECT_EQ(image.height, kHeight);
  EXPECT_EQ(value(image, 0), 0);
  EXPECT_EQ(value(image, 51), 255);
  EXPECT_EQ(value(image, 127), 255);
  EXPECT_NEAR(value(image, 10), 50, 1);
  EXPECT_EQ(image.pixels[31], image.pixels[32]);
}

TEST(Dicom, FilesOwnWindowAndElseItsWholeRange) {
  EXPECT_EQ(value(frames_of(write_grey({.window_centre = "100", .window_width = "200"}))[0], 20), 255);
  const Image whole = frames_of(write_grey({}))[0];
  EXPECT_EQ(value(whole, 0), 0);
  EXPECT_EQ(value(whole, 127), 255);
  EXPECT_NEAR(value(whole, 20), 40, 1);
}

TEST(Dicom, MonochromeOneIsInverted) {
  const Image image = frames_of(write_grey({.photometric = "MONOCHROME1"}))[0];
  EXPECT_EQ(value(image, 0), 255);
  EXPECT_EQ(value(image, 127), 0);
}

TEST(Dicom, NothingOfThePatientButAHash) {
  const DicomInfo info = read_dicom_info(write_grey({}));
  EXPECT_EQ(info.patient_hash, sha256_hex("patient-7").substr(0, 16));
  EXPECT_EQ(info.modality, "CT");
  EXPECT_EQ(info.frames, 1);
  EXPECT_FALSE(info.has_burned_in_text);
}

TEST(Dicom, FramesInEveryTransferSyntax) {
  DJEncoderRegistration::registerCodecs();
  DcmRLEEncoderRegistration::registerCodecs();
  DJ_RPLossless jpeg;
  DcmRLERepresentationParameter rle;
  const std::vector<std::pair<E_TransferSyntax, const DcmRepresentationParameter*>> syntaxes{
      {EXS_LittleEndianExplicit, nullptr}, {EXS_JPEGProcess14SV1, &jpeg}, {EXS_RLELossless, &rle}};
  for (const auto& [syntax, parameter] : syntaxes) {
    DcmFileFormat file;
    fill_colour(file);
    ASSERT_TRUE(file.getDataset()->chooseRepresentation(syntax, parameter).good());
    const fs::path path = fresh_folder() / "colour.dcm";
    ASSERT_TRUE(file.saveFile(path.c_str(), syntax).good());
    const std::vector<Image> frames = frames_of(path);
    ASSERT_EQ(frames.size(), 2U) << DcmXfer(syntax).getXferName();
    EXPECT_EQ(frames[0].pixels[0], 200);
    EXPECT_EQ(frames[0].pixels[2], 30);
    EXPECT_EQ(frames[1].pixels[0], 10);
    EXPECT_EQ(frames[1].pixels[2], 220);
  }
  DJEncoderRegistration::cleanup();
  DcmRLEEncoderRegistration::cleanup();
}

TEST(Dicom, JpegBaselineInYbrComesOutAsRgb) {
  DJEncoderRegistration::registerCodecs();
  DcmFileFormat file;
  fill_colour(file);
  DJ_RPLossy jpeg(95);
  ASSERT_TRUE(file.getDataset()->chooseRepresentation(EXS_JPEGProcess1, &jpeg).good());
  const fs::path path = fresh_folder() / "ybr.dcm";
  ASSERT_TRUE(file.saveFile(path.c_str(), EXS_JPEGProcess1).good());
  DJEncoderRegistration::cleanup();
  EXPECT_TRUE(read_dicom_info(path).photometric.starts_with("YBR"));
  const std::vector<Image> frames = frames_of(path);
  EXPECT_NEAR(frames.at(1).pixels[0], 10, 5);
  EXPECT_NEAR(frames.at(1).pixels[2], 220, 5);
}

TEST(Dicom, CutAndOtherFilesAreErrors) {
  const fs::path path = write_grey({});
  const std::string bytes = read_file(path);
  const fs::path other = fresh_folder("other") / "cut.dcm";
  for (std::size_t size = 0; size + 1 < bytes.size(); size += 29) {
    write_file(other, bytes.substr(0, size));
    EXPECT_ERROR(frames_of(other), "cut.dcm");
  }
  EXPECT_ERROR(read_dicom_info(other.parent_path() / "none.dcm"), "none.dcm: no such file");
}

TEST(Dicom, SizesThatLieAreErrors) {
  const fs::path path = write_grey({});
  DcmFileFormat file;
  ASSERT_TRUE(file.loadFile(path.c_str()).good());
  file.getDataset()->putAndInsertString(DCM_NumberOfFrames, "90000");
  file.saveFile(path.c_str(), EXS_LittleEndianExplicit);
  EXPECT_ERROR(frames_of(path), "cut short: its header claims 90000 frames of 16 x 8 pixels of 16 bits");
  file.getDataset()->putAndInsertString(DCM_NumberOfFrames, "-1");
  file.saveFile(path.c_str(), EXS_LittleEndianExplicit);
  EXPECT_ERROR(frames_of(path), "its header claims -1 frames");
  file.getDataset()->findAndDeleteElement(DCM_PixelData);
  file.saveFile(path.c_str(), EXS_LittleEndianExplicit);
  EXPECT_ERROR(frames_of(path), "a DICOM file without a picture");
}

TEST(Dicom, MutatedFilesNeverCrash) {
  const std::string whole = read_file(write_grey({.window_centre = "100", .window_width = "200"}));
  const fs::path path = fresh_folder("mutated") / "m.dcm";
  std::mt19937 random(5);
  for (int i = 0; i < 200; ++i) {
    std::string bytes = whole;
    for (int flip = 0; flip < 3; ++flip) {
      bytes[128 + random() % (bytes.size() - 128)] = static_cast<char>(random());
    }
    write_file(path, bytes);
    try {
      for (const Image& image : frames_of(path)) {
        EXPECT_EQ(image.pixels.size(), static_cast<std::size_t>(image.height) * image.width * 3);
      }
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("m.dcm"));
    }
  }
}

}  // namespace
}  // namespace medisyn
