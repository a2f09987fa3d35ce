// The grey pipeline against its formulas (PS3.3, C.7.5.1.1.2, C.7.6.16.2 and C.11).
#include <cmath>

#include "dicom_files.h"

namespace medisyn {
namespace {

constexpr double kCentre = 301;
constexpr double kWidthOfWindow = 401;

int byte_of(double grey) { return static_cast<int>(std::floor(std::clamp(grey, 0.0, 1.0) * 255.0 + 0.5)); }

double linear(double x) { return (x - (kCentre - 0.5)) / (kWidthOfWindow - 1.0) + 0.5; }

void put_window(DcmItem& item, const char* centre, const char* width, const char* function = nullptr) {
  item.putAndInsertString(DCM_WindowCenter, centre);
  item.putAndInsertString(DCM_WindowWidth, width);
  if (function != nullptr) {
    item.putAndInsertString(DCM_VOILUTFunction, function);
  }
}

/// An item of a lookup table sequence.
void put_table(DcmDataset& dataset, const DcmTagKey& sequence, const std::vector<Uint16>& descriptor,
               const std::vector<Uint16>& entries) {
  DcmItem* item = nullptr;
  ASSERT_TRUE(dataset.findOrCreateSequenceItem(sequence, item).good());
  item->putAndInsertUint16Array(DCM_LUTDescriptor, descriptor.data(), descriptor.size());
  item->putAndInsertUint16Array(DCM_LUTData, entries.data(), entries.size());
}

TEST(DicomGrey, WindowIsOfRescaledValues) {
  const fs::path path = write_grey([](DcmDataset& dataset) {
    dataset.putAndInsertString(DCM_RescaleSlope, "2");
    dataset.putAndInsertString(DCM_RescaleIntercept, "-1000");
  });
  const Image image = frames_of(path, GreyWindow{-1000, 20})[0];
  EXPECT_EQ(image.height, kHeight);
  for (int n = 0; n < kPixels; ++n) {
    ASSERT_EQ(value(image, n), byte_of(20.0 * n / 1020.0)) << n;
  }
}

TEST(DicomGrey, TheThreeFunctionsOfAWindow) {
  const auto exact = [](double x) { return (x - kCentre) / kWidthOfWindow + 0.5; };
  const auto sigmoid = [](double x) { return 1.0 / (1.0 + std::exp(-4.0 * (x - kCentre) / kWidthOfWindow)); };
  const std::vector<std::pair<const char*, std::function<double(double)>>> functions{
      {nullptr, linear}, {"LINEAR", linear}, {"LINEAR_EXACT", exact}, {"SIGMOID", sigmoid}};
  for (const auto& [name, grey] : functions) {
    const Image image = frames_of(
        write_grey([&, name = name](DcmDataset& dataset) { put_window(dataset, "301", "401", name); }))[0];
    for (int n = 0; n < kPixels; ++n) {
      ASSERT_EQ(value(image, n), byte_of(grey(10.0 * n))) << (name == nullptr ? "none" : name) << n;
    }
  }
}

TEST(DicomGrey, TheFirstOfManyWindowsAndOneThatIsAStep) {
  EXPECT_EQ(frames_of(write_grey([](DcmDataset& d) { put_window(d, "301\\40", "401\\80"); })),
            frames_of(write_grey([](DcmDataset& d) { put_window(d, "301", "401"); })));
  const Image step = frames_of(write_grey([](DcmDataset& d) { put_window(d, "300", "1"); }))[0];
  EXPECT_EQ(value(step, 29), 0);
  EXPECT_EQ(value(step, 30), 255);
}

TEST(DicomGrey, WithoutAWindowTheWholeRange) {
  for (const char* width : {"", "0", "-5", "nan"}) {
    const Image image = frames_of(write_grey([&](DcmDataset& d) { put_window(d, "300", width); }))[0];
    for (int n = 0; n < kPixels; ++n) {
      ASSERT_EQ(value(image, n), byte_of(n / 127.0)) << width;
    }
  }
  const std::vector<Uint16> flat(kPixels, 7);
  EXPECT_EQ(value(frames_of(write_grey([&](DcmDataset& d) { put_words(d, flat); }))[0], 5), 0);
}

TEST(DicomGrey, MonochromeOneIsInvertedAfterEveryVoi) {
  const auto inverted = [](DcmDataset& d) {
    d.putAndInsertString(DCM_PhotometricInterpretation, "MONOCHROME1");
  };
  const auto windowed = [](DcmDataset& d) { put_window(d, "301", "401"); };
  const std::vector<std::pair<std::function<void(DcmDataset&)>, std::optional<GreyWindow>>> cases{
      {[](DcmDataset&) {}, {}}, {windowed, {}}, {windowed, GreyWindow{100, 701}}};
  for (const auto& [edit, window] : cases) {
    const Image plain = frames_of(write_grey(edit), window)[0];
    const Image image = frames_of(write_grey([&, edit = edit](DcmDataset& d) {
                                    edit(d);
                                    inverted(d);
                                  }),
                                  window)[0];
    for (int n = 0; n < kPixels; ++n) {
      ASSERT_EQ(value(image, n), 255 - value(plain, n)) << n;
    }
  }
}

TEST(DicomGrey, FractionsOfARescaleSlopeAreKept) {
  const Image image = frames_of(write_grey([](DcmDataset& d) {
    d.putAndInsertString(DCM_RescaleSlope, "0.001");
    d.putAndInsertString(DCM_RescaleIntercept, "0");
    put_window(d, "0.635", "1.27", "LINEAR_EXACT");
  }))[0];
  for (int n = 0; n < kPixels; ++n) {
    ASSERT_EQ(value(image, n), byte_of(n / 127.0)) << n;
  }
}

TEST(DicomGrey, SignedValuesInTheirBitsAlone) {
  // 12 bits from -640 in steps of 10; what lies above the 12 bits is none of the picture's.
  for (const int shift : {0, 4}) {
    std::vector<Uint16> words;
    for (int n = 0; n < kPixels; ++n) {
      const unsigned stored = static_cast<unsigned>(10 * n - 640) & 0xFFFU;
      words.push_back(static_cast<Uint16>(stored << shift | (n % 2 == 0 ? 0 : shift == 0 ? 0xF000U : 0xFU)));
    }
    const Image image = frames_of(write_grey([&](DcmDataset& d) {
                                    put_bits(d, 16, 12, true);
                                    d.putAndInsertUint16(DCM_HighBit, static_cast<Uint16>(11 + shift));
                                    put_words(d, words);
                                  }),
                                  GreyWindow{-640, 630})[0];
    for (int n = 0; n < kPixels; ++n) {
      ASSERT_EQ(value(image, n), byte_of(n / 127.0)) << n;
    }
  }
}

TEST(DicomGrey, ModalityTableThenWindow) {
  std::vector<Uint16> squares;
  for (unsigned i = 0; i < 100; ++i) {
    squares.push_back(static_cast<Uint16>(i * i / 4));
  }
  const Image image = frames_of(write_grey([&](DcmDataset& d) {
                                  put_table(d, DCM_ModalityLUTSequence, {100, 200, 16}, squares);
                                }),
                                GreyWindow{0, 2450})[0];
  for (int n = 0; n < kPixels; ++n) {
    const int index = std::clamp(10 * n - 200, 0, 99);
    ASSERT_EQ(value(image, n), byte_of(index * index / 4 / 2450.0)) << n;
  }
}

TEST(DicomGrey, VoiTableComesBeforeAWindow) {
  std::vector<Uint16> falling;
  for (unsigned i = 0; i < 1024; ++i) {
    falling.push_back(static_cast<Uint16>(4092 - 4 * i));
  }
  const auto edit = [&](DcmDataset& d) {
    put_window(d, "301", "401");
    put_table(d, DCM_VOILUTSequence, {1024, 100, 12}, falling);
  };
  const Image image = frames_of(write_grey(edit))[0];
  for (int n = 0; n < kPixels; ++n) {
    ASSERT_EQ(value(image, n), byte_of((4092 - 4 * std::clamp(10 * n - 100, 0, 1023)) / 4095.0)) << n;
  }
  EXPECT_EQ(value(frames_of(write_grey(edit), GreyWindow{0, 1270})[0], 127), 255)
      << "an explicit window comes first";
  const Image without = frames_of(write_grey([](DcmDataset& d) {
    put_window(d, "301", "401");
    put_table(d, DCM_VOILUTSequence, {1024, 100, 12}, {});
  }))[0];
  EXPECT_EQ(value(without, 30), byte_of(linear(300))) << "a table without entries is none";
}

TEST(DicomGrey, PaddingStaysBlackAndCountsForNoRange) {
  const auto padded = [](DcmDataset& d) {
    std::vector<Uint16> words(kPixels, 0xF830);  // -2000
    for (int n = 64; n < kPixels; ++n) {
      words[static_cast<std::size_t>(n)] = static_cast<Uint16>(n);
    }
    put_bits(d, 16, 16, true);
    put_words(d, words);
    d.putAndInsertSint16(DCM_PixelPaddingValue, -2000);
  };
  const Image image = frames_of(write_grey(padded))[0];
  EXPECT_EQ(value(image, 0), 0);
  EXPECT_EQ(value(image, 64), 0);
  EXPECT_EQ(value(image, 127), 255);
  EXPECT_EQ(value(image, 100), byte_of(36.0 / 63.0));
  const Image inverted = frames_of(write_grey([&](DcmDataset& d) {
    padded(d);
    d.putAndInsertString(DCM_PhotometricInterpretation, "MONOCHROME1");
  }))[0];
  EXPECT_EQ(value(inverted, 0), 0);
  EXPECT_EQ(value(inverted, 64), 255);
  const Image ranged = frames_of(write_grey([&](DcmDataset& d) {
    padded(d);
    d.putAndInsertSint16(DCM_PixelPaddingRangeLimit, 95);
  }))[0];
  EXPECT_EQ(value(ranged, 95), 0);
  EXPECT_EQ(value(ranged, 96), 0);
  EXPECT_EQ(value(ranged, 127), 255);
}

TEST(DicomGrey, EachFrameOfAnEnhancedFileHasItsOwnWindow) {
  const fs::path path = write_grey([](DcmDataset& d) {
    d.putAndInsertString(DCM_NumberOfFrames, "2");
    std::vector<Uint16> words(2 * kPixels);
    for (std::size_t i = 0; i < words.size(); ++i) {
      words[i] = static_cast<Uint16>(10 * (i % kPixels));
    }
    put_words(d, words);
    put_window(d, "5000", "1");  // the file's own stands behind
    DcmItem* shared = nullptr;
    DcmItem* values = nullptr;
    d.findOrCreateSequenceItem(DCM_SharedFunctionalGroupsSequence, shared);
    shared->findOrCreateSequenceItem(DCM_PixelValueTransformationSequence, values);
    values->putAndInsertString(DCM_RescaleSlope, "0.5");
    values->putAndInsertString(DCM_RescaleIntercept, "100");
    for (const int frame : {0, 1}) {
      DcmItem* group = nullptr;
      d.findOrCreateSequenceItem(DCM_PerFrameFunctionalGroupsSequence, group, frame);
      group->findOrCreateSequenceItem(DCM_FrameVOILUTSequence, values);
      put_window(*values, frame == 0 ? "301" : "601", "401");
    }
  });
  const std::vector<Image> frames = frames_of(path);
  ASSERT_EQ(frames.size(), 2U);
  for (int n = 0; n < kPixels; ++n) {
    const double unit = 5.0 * n + 100.0;
    ASSERT_EQ(value(frames[0], n), byte_of(linear(unit))) << n;
    ASSERT_EQ(value(frames[1], n), byte_of(linear(unit - 300.0))) << n;
  }
}

TEST(DicomGrey, OverlaysAreNotDrawn) {
  const auto with_overlay = [](DcmDataset& d) {
    d.putAndInsertUint16(DCM_OverlayRows, kHeight);
    d.putAndInsertUint16(DCM_OverlayColumns, kWidth);
    d.putAndInsertString(DCM_OverlayType, "G");
    d.putAndInsertUint16(DCM_OverlayBitsAllocated, 1);
    d.putAndInsertUint16(DCM_OverlayBitPosition, 0);
    const std::vector<Sint16> origin{1, 1};
    d.putAndInsertSint16Array(DCM_OverlayOrigin, origin.data(), 2);
    const std::vector<Uint16> all(kPixels / 16, 0xFFFF);
    d.putAndInsertUint16Array(DCM_OverlayData, all.data(), all.size());
  };
  EXPECT_EQ(frames_of(write_grey(with_overlay)), frames_of(write_grey()));
}

TEST(DicomGrey, OneBitAndThirtyTwo) {
  const Image mask = frames_of(write_grey([](DcmDataset& d) {
    put_bits(d, 1, 1);
    const std::vector<Uint8> bits(kPixels / 8, 0x0D);
    d.putAndInsertUint8Array(DCM_PixelData, bits.data(), bits.size());
  }))[0];
  EXPECT_EQ(value(mask, 0), 255);
  EXPECT_EQ(value(mask, 1), 0);
  EXPECT_EQ(value(mask, 10), 255);
  EXPECT_EQ(value(mask, 12), 0);
  const Image dose = frames_of(write_grey([](DcmDataset& d) {
    put_bits(d, 32, 32);
    std::vector<Uint16> halves;
    for (unsigned n = 0; n < kPixels; ++n) {
      halves.push_back(0);
      halves.push_back(static_cast<Uint16>(n * 512));
    }
    put_words(d, halves);
    d.putAndInsertString(DCM_RescaleSlope, "0.00001");
    d.putAndInsertString(DCM_RescaleIntercept, "0");
  }))[0];
  for (int n = 0; n < kPixels; ++n) {
    ASSERT_EQ(value(dose, n), byte_of(n / 127.0)) << n;
  }
}

}  // namespace
}  // namespace medisyn
