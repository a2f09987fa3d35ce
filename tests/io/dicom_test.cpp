#include "medisyn/io/dicom.h"

#include "../expect_error.h"
#include "dicom_files.h"

namespace medisyn {
namespace {

TEST(Dicom, FramesInEveryLosslessTransferSyntax) {
  const fs::path native = write_colour(3);
  const std::vector<Image> expected = frames_of(native);
  ASSERT_EQ(expected.size(), 3U);
  EXPECT_EQ(expected[0].pixels[0], 200);
  EXPECT_EQ(expected[2].pixels[2], 220);
  const fs::path path = native.parent_path() / "other.dcm";
  for (const E_TransferSyntax syntax :
       {EXS_LittleEndianImplicit, EXS_BigEndianExplicit, EXS_DeflatedLittleEndianExplicit,
        EXS_JPEGProcess14SV1, EXS_JPEGLSLossless, EXS_RLELossless}) {
    recode(native, path, syntax);
    EXPECT_EQ(frames_of(path), expected) << DcmXfer(syntax).getXferName();
  }
  recode_jpeg2000(native, path, true);
  EXPECT_EQ(read_dicom_info(path).photometric, "YBR_RCT");
  EXPECT_EQ(frames_of(path), expected);
}

TEST(Dicom, SixteenBitsInEveryLosslessTransferSyntax) {
  const fs::path native = write_grey([](DcmDataset& dataset) {
    put_bits(dataset, 16, 12, true);
    dataset.putAndInsertString(DCM_PhotometricInterpretation, "MONOCHROME1");
    dataset.putAndInsertString(DCM_RescaleIntercept, "-1024");
    dataset.putAndInsertString(DCM_RescaleSlope, "1");
    dataset.putAndInsertString(DCM_WindowCenter, "-500");
    dataset.putAndInsertString(DCM_WindowWidth, "900");
  });
  const std::vector<Image> expected = frames_of(native);
  const fs::path path = native.parent_path() / "other.dcm";
  for (const E_TransferSyntax syntax :
       {EXS_LittleEndianImplicit, EXS_BigEndianExplicit, EXS_DeflatedLittleEndianExplicit,
        EXS_JPEGProcess14SV1, EXS_JPEGLSLossless, EXS_RLELossless}) {
    recode(native, path, syntax);
    EXPECT_EQ(frames_of(path), expected) << DcmXfer(syntax).getXferName();
  }
  recode_jpeg2000(native, path, true);
  EXPECT_EQ(frames_of(path), expected);
}

TEST(Dicom, LossyFilesComeNear) {
  const fs::path native = write_colour(2);
  const std::vector<Image> expected = frames_of(native);
  const fs::path path = native.parent_path() / "lossy.dcm";
  const auto expect_near = [&](int most) {
    const std::vector<Image> frames = frames_of(path);
    ASSERT_EQ(frames.size(), expected.size());
    for (std::size_t frame = 0; frame < frames.size(); ++frame) {
      for (std::size_t i = 0; i < frames[frame].pixels.size(); ++i) {
        ASSERT_NEAR(frames[frame].pixels[i], expected[frame].pixels[i], most) << frame << " " << i;
      }
    }
  };
  recode(native, path, EXS_JPEGProcess1);
  EXPECT_TRUE(read_dicom_info(path).photometric.starts_with("YBR"));
  expect_near(6);
  recode(native, path, EXS_JPEGLSLossy);
  expect_near(2);
  recode_jpeg2000(native, path, false);
  EXPECT_EQ(read_dicom_info(path).photometric, "YBR_ICT");
  expect_near(3);
}

/// One YBR pixel by the formula of PS3.3, C.7.6.3.1.2.
TEST(Dicom, ColoursOfYbrAndPlanes) {
  const auto write = [](const char* photometric, const std::vector<Uint8>& pixel, bool is_planar) {
    return write_grey([&](DcmDataset& d) {
      put_common(d, photometric, 3);
      put_bits(d, 8, 8);
      d.putAndInsertUint16(DCM_PlanarConfiguration, is_planar ? 1 : 0);
      std::vector<Uint8> bytes;
      for (int i = 0; is_planar && i < 3 * kPixels; ++i) {
        bytes.push_back(pixel[static_cast<std::size_t>(i / kPixels)]);
      }
      while (!is_planar && bytes.size() < pixel.size() * kPixels / (pixel.size() == 4 ? 2 : 1)) {
        bytes.insert(bytes.end(), pixel.begin(), pixel.end());
      }
      d.putAndInsertUint8Array(DCM_PixelData, bytes.data(), bytes.size());
    });
  };
  const auto pixel = [](const fs::path& path, std::size_t n) {
    const Image image = frames_of(path).at(0);
    return std::vector<int>(image.pixels.begin() + static_cast<std::ptrdiff_t>(3 * n),
                            image.pixels.begin() + static_cast<std::ptrdiff_t>(3 * n + 3));
  };
  // R = 100 + 1.402 * 50, G = 100 - 0.344136 * -28 - 0.714136 * 50, B = 100 + 1.772 * -28
  EXPECT_EQ(pixel(write("YBR_FULL", {100, 100, 178}, false), 7), (std::vector<int>{170, 74, 50}));
  EXPECT_EQ(pixel(write("YBR_FULL", {100, 100, 178}, true), 7), (std::vector<int>{170, 74, 50}));
  EXPECT_EQ(pixel(write("YBR_FULL_422", {100, 110, 100, 178}, false), 6), (std::vector<int>{170, 74, 50}));
  EXPECT_EQ(pixel(write("YBR_FULL_422", {100, 110, 100, 178}, false), 7), (std::vector<int>{180, 84, 60}));
  EXPECT_EQ(pixel(write("RGB", {1, 2, 3}, true), 127), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(pixel(write("YBR_FULL", {255, 0, 255}, false), 0), (std::vector<int>{255, 208, 28})) << "clipped";
}

void put_palette(DcmDataset& d, const std::vector<Uint16>& descriptor, bool is_in_segments) {
  const std::vector<DcmTagKey> descriptors{DCM_RedPaletteColorLookupTableDescriptor,
                                           DCM_GreenPaletteColorLookupTableDescriptor,
                                           DCM_BluePaletteColorLookupTableDescriptor};
  const std::vector<DcmTagKey> tables{DCM_RedPaletteColorLookupTableData,
                                      DCM_GreenPaletteColorLookupTableData,
                                      DCM_BluePaletteColorLookupTableData};
  const std::vector<DcmTagKey> segments{DCM_SegmentedRedPaletteColorLookupTableData,
                                        DCM_SegmentedGreenPaletteColorLookupTableData,
                                        DCM_SegmentedBluePaletteColorLookupTableData};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto scale = static_cast<Uint16>(257 * (i + 1));
    std::vector<Uint16> entries{0, 1, 0, 1, 63, static_cast<Uint16>(63 * scale)};  // a 0, then a line of 63
    if (!is_in_segments) {
      entries.clear();
      for (Uint16 n = 0; n < 64; ++n) {
        entries.push_back(static_cast<Uint16>(n * scale));
      }
    }
    d.putAndInsertUint16Array(descriptors[i], descriptor.data(), 3);
    d.putAndInsertUint16Array(is_in_segments ? segments[i] : tables[i], entries.data(), entries.size());
  }
}

TEST(Dicom, PalettesWholeAndInSegments) {
  for (const bool is_in_segments : {false, true}) {
    const fs::path path = write_grey([&](DcmDataset& d) {
      d.putAndInsertString(DCM_PhotometricInterpretation, "PALETTE COLOR");
      put_palette(d, {64, 10, 16}, is_in_segments);
      std::vector<Uint16> words;
      for (Uint16 n = 0; n < kPixels; ++n) {
        words.push_back(n);
      }
      put_words(d, words);
    });
    const Image image = frames_of(path)[0];
    for (int n = 0; n < kPixels; ++n) {
      const int entry = std::clamp(n - 10, 0, 63);
      ASSERT_EQ(value(image, n), entry) << n;
      ASSERT_EQ(image.pixels[static_cast<std::size_t>(3 * n + 2)], 3 * entry) << n;
    }
  }
  const fs::path without =
      write_grey([](DcmDataset& d) { d.putAndInsertString(DCM_PhotometricInterpretation, "PALETTE COLOR"); });
  EXPECT_ERROR(frames_of(without), "grey.dcm: frame 0: expected a palette");
}

TEST(Dicom, FramesInSeveralPieces) {
  const fs::path whole = write_colour(2);
  const std::vector<Image> expected = frames_of(whole);
  const fs::path path = whole.parent_path() / "pieces.dcm";
  recode_jpeg2000(whole, path, true);
  DcmFileFormat file;
  ASSERT_TRUE(file.loadFile(path.c_str()).good());
  DcmElement* element = nullptr;
  file.getDataset()->findAndGetElement(DCM_PixelData, element);
  DcmPixelSequence* sequence = nullptr;
  auto* pixels = dynamic_cast<DcmPixelData*>(element);
  ASSERT_TRUE(pixels->getEncapsulatedRepresentation(EXS_JPEG2000LosslessOnly, nullptr, sequence).good());
  DcmPixelItem* item = nullptr;
  ASSERT_TRUE(sequence->getItem(item, 1).good());
  Uint8* bytes = nullptr;
  ASSERT_TRUE(item->getUint8Array(bytes).good());
  const std::vector<Uint8> stream(bytes, bytes + item->getLength());
  const auto half = static_cast<Uint32>(stream.size() / 4 * 2);
  auto* second = new DcmPixelItem(DcmTag(DCM_Item, EVR_OB));  // the sequence owns it
  second->putUint8Array(stream.data() + half, static_cast<Uint32>(stream.size()) - half);
  item->putUint8Array(stream.data(), half);
  sequence->insert(second, 1);
  ASSERT_TRUE(file.saveFile(path.c_str(), EXS_JPEG2000LosslessOnly).good());
  EXPECT_EQ(frames_of(path), expected);
}

TEST(Dicom, NothingOfThePatientButHashes) {
  const fs::path path = write_grey([](DcmDataset& d) {
    d.putAndInsertString(DCM_SeriesInstanceUID, "1.2.3.5");
    d.putAndInsertString(DCM_AccessionNumber, "A-17");
    d.putAndInsertString(DCM_FrameOfReferenceUID, "1.2.3.6");
  });
  const DicomInfo info = read_dicom_info(path);
  const auto hash = [](const std::string& text) { return sha256_hex(text).substr(0, 16); };
  EXPECT_EQ(info.patient_hash, hash("patient-7"));
  EXPECT_EQ(info.hashes, (std::map<std::string, std::string>{{"PatientID", hash("patient-7")},
                                                             {"StudyInstanceUID", hash("1.2.3")},
                                                             {"SeriesInstanceUID", hash("1.2.3.5")},
                                                             {"AccessionNumber", hash("A-17")},
                                                             {"SOPInstanceUID", hash("1.2.3.4")},
                                                             {"FrameOfReferenceUID", hash("1.2.3.6")}}));
  EXPECT_TRUE(is_dicom_id("PatientID"));
  EXPECT_FALSE(is_dicom_id("PatientName"));
  EXPECT_FALSE(is_dicom_word("PatientID"));
  EXPECT_FALSE(is_dicom_word("PatientName"));
  EXPECT_FALSE(is_dicom_word("StudyDescription"));
}

TEST(Dicom, MissingIdsAreAbsentAndTheStudyStandsInForThePatient) {
  const DicomInfo info = read_dicom_info(write_grey([](DcmDataset& d) {
    d.findAndDeleteElement(DCM_PatientID);
    d.findAndDeleteElement(DCM_SOPInstanceUID);
  }));
  EXPECT_EQ(info.patient_hash, sha256_hex("1.2.3").substr(0, 16));
  EXPECT_EQ(info.hashes.size(), 1U);
  EXPECT_TRUE(info.hashes.contains("StudyInstanceUID"));
}

TEST(Dicom, WordsAreTheListedTagsAlone) {
  const DicomInfo info = read_dicom_info(write_grey([](DcmDataset& d) {
    d.putAndInsertString(DCM_BodyPartExamined, "CHEST ");
    d.putAndInsertString(DCM_ImageType, "ORIGINAL\\PRIMARY\\AXIAL");
    d.putAndInsertString(DCM_PatientOrientation, "L\\P");
    d.putAndInsertString(DCM_ConvolutionKernel, "B\xE9ton\n30f");
    d.putAndInsertString(DCM_SliceLocation, "-12.5");
    d.putAndInsertString(DCM_InstanceNumber, "17");
    d.putAndInsertString(DCM_StudyDescription, "Secret^Name of the neck");
    d.putAndInsertString(DCM_BurnedInAnnotation, "YES");
  }));
  EXPECT_EQ(info.words, (std::map<std::string, std::string>{{"Modality", "CT"},
                                                            {"BodyPartExamined", "CHEST"},
                                                            {"ImageType", "ORIGINAL\\PRIMARY\\AXIAL"},
                                                            {"PatientOrientation", "L\\P"},
                                                            {"ConvolutionKernel", "B?ton?30f"},
                                                            {"PhotometricInterpretation", "MONOCHROME2"},
                                                            {"SliceLocation", "-12.5"},
                                                            {"InstanceNumber", "17"}}));
  EXPECT_EQ(info.modality, "CT");
  EXPECT_EQ(info.frames, 1);
  EXPECT_TRUE(info.has_burned_in_text);
  EXPECT_FALSE(read_dicom_info(write_grey()).has_burned_in_text);
}

TEST(Dicom, PrivateTagsAndMissingOnesSurvive) {
  const std::vector<Image> expected = frames_of(write_grey());
  const fs::path path = write_grey([](DcmDataset& d) {
    d.putAndInsertString(DcmTag(0x0011, 0x0010, EVR_LO), "ACME");
    d.putAndInsertString(DcmTag(0x0011, 0x1001, EVR_UT), "anything");
    DcmItem* item = nullptr;
    d.findOrCreateSequenceItem(DcmTag(0x0011, 0x1002, EVR_SQ), item);
    item->putAndInsertString(DcmTag(0x0011, 0x1003, EVR_UN), "more");
    for (const DcmTagKey& tag : {DCM_BitsStored, DCM_HighBit, DCM_PixelRepresentation, DCM_SamplesPerPixel,
                                 DCM_Modality, DCM_StudyInstanceUID, DCM_PatientID}) {
      d.findAndDeleteElement(tag);
    }
  });
  EXPECT_EQ(frames_of(path), expected);
  EXPECT_EQ(read_dicom_info(path).patient_hash, "");
}

TEST(Dicom, WhatIsNotReadIsNamed) {
  const auto refused = [](const std::function<void(DcmDataset&)>& edit, const char* message) {
    EXPECT_ERROR(frames_of(write_grey(edit)), message);
    EXPECT_ERROR(read_dicom_info(write_grey(edit)), message);
  };
  refused([](DcmDataset& d) { d.putAndInsertString(DCM_PhotometricInterpretation, "HSV"); },
          "expected grey, palette, RGB or YBR_FULL pixels, found HSV of 1 samples");
  refused([](DcmDataset& d) { d.putAndInsertUint16(DCM_BitsAllocated, 12); },
          "expected samples of 1, 8, 16 or 32 bits, found 16 of 12 bits");
  refused([](DcmDataset& d) { d.putAndInsertUint16(DCM_HighBit, 31); }, "the highest of them bit 31");
  refused([](DcmDataset& d) { d.putAndInsertString(DCM_NumberOfFrames, "90000"); },
          "cut short: its header claims 90000 frames of 16 x 8 pixels of 16 bits");
  refused([](DcmDataset& d) { d.putAndInsertString(DCM_NumberOfFrames, "-1"); },
          "its header claims -1 frames");
  refused([](DcmDataset& d) { d.findAndDeleteElement(DCM_PixelData); }, "a DICOM file without a picture");
  refused([](DcmDataset& d) { d.putAndInsertUint16(DCM_Rows, 0); }, "a DICOM file without a picture (rows 0");
}

}  // namespace
}  // namespace medisyn
