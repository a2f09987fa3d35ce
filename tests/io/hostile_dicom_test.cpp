// DICOM files that were made to do harm, and damaged ones: read or refused, never believed, and no name of a
// patient in any message.
#include <sys/resource.h>
#include <zlib.h>

#include <cstring>

#include "../expect_error.h"
#include "../mutations.h"
#include "dicom_files.h"

namespace medisyn {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr std::int64_t kMostKib = 512 << 10;  // the sanitizers keep freed memory

std::int64_t peak_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

class HostileDicom : public testing::Test {
 protected:
  void SetUp() override {
    grey_ = write_grey([](DcmDataset& d) {
      d.putAndInsertString(DCM_WindowCenter, "300");
      d.putAndInsertString(DCM_WindowWidth, "400");
      DcmItem* item = nullptr;
      d.findOrCreateSequenceItem(DCM_ReferencedStudySequence, item);
      item->putAndInsertString(DCM_ReferencedSOPInstanceUID, "1.2.3.9");
    });
    colour_ = write_colour(3);
  }

  std::string in(const fs::path& native, E_TransferSyntax syntax) const {
    recode(native, folder_ / "recoded.dcm", syntax);
    return read_file(folder_ / "recoded.dcm");
  }
  std::string in_jpeg2000(const fs::path& native, bool is_lossless) const {
    recode_jpeg2000(native, folder_ / "recoded.dcm", is_lossless);
    return read_file(folder_ / "recoded.dcm");
  }

  /// True when the file was read; else it was refused by one line that names it and nobody.
  bool is_read(const std::string& bytes) const {
    const fs::path path = folder_ / "m.dcm";
    write_file(path, bytes);
    try {
      const std::vector<Image> frames = frames_of(path);
      const DicomInfo info = read_dicom_info(path);
      EXPECT_EQ(static_cast<int>(frames.size()), info.frames);
      for (const auto& [keyword, word] : info.words) {
        EXPECT_TRUE(is_dicom_word(keyword));
        EXPECT_EQ(word.find("Secret"), std::string::npos) << keyword;
      }
      return true;
    } catch (const Error& error) {
      const std::string text = error.what();
      EXPECT_THAT(text, testing::HasSubstr("m.dcm"));
      for (const char* word : {"\n", "Secret", "patient-7", "1.2.3.4"}) {
        EXPECT_EQ(text.find(word), std::string::npos) << text;
      }
      return false;
    }
  }

  void expect_refused(const std::string& bytes, const char* reason) const {
    write_file(folder_ / "m.dcm", bytes);
    EXPECT_ERROR(frames_of(folder_ / "m.dcm"), reason);
  }

  fs::path folder_ = fresh_folder("mutated");
  fs::path grey_;
  fs::path colour_;
};

constexpr std::size_t kHead = 132;  // 128 bytes of anything and "DICM"

std::string mutated(Mutations& mutations, const std::string& bytes, int number) {
  const std::string tail = bytes.substr(kHead);
  const std::size_t pixels = tail.rfind("\xE0\x7F\x10\x00"sv);
  switch (number % 6) {
    case 0:
      return mutations.truncated(bytes);
    case 1:
      return bytes.substr(0, kHead) + mutations.overwritten(tail, tail.size());
    case 2:  // in the compressed bytes
      return bytes.substr(0, kHead + pixels + 12) +
             mutations.flipped(tail.substr(pixels + 12), tail.size() - pixels - 12);
    case 3:
      return bytes.substr(0, kHead + pixels + 12) + mutations.overwritten(tail.substr(pixels + 12), 80);
    default:
      return bytes.substr(0, kHead) + mutations.flipped(tail, tail.size());
  }
}

TEST_F(HostileDicom, FiveHundredMutatedFiles) {
  const std::vector<std::string> files{read_file(grey_),
                                       in(grey_, EXS_RLELossless),
                                       in(grey_, EXS_JPEGProcess14SV1),
                                       in(grey_, EXS_JPEGLSLossless),
                                       in_jpeg2000(grey_, true),
                                       in(grey_, EXS_DeflatedLittleEndianExplicit),
                                       in(grey_, EXS_BigEndianExplicit),
                                       in(grey_, EXS_LittleEndianImplicit),
                                       read_file(colour_),
                                       in(colour_, EXS_RLELossless),
                                       in(colour_, EXS_JPEGProcess1),
                                       in(colour_, EXS_JPEGLSLossless),
                                       in_jpeg2000(colour_, false)};
  const std::int64_t before = peak_kib();
  Mutations mutations(21);
  constexpr int kEach = 48;
  for (std::size_t file = 0; file < files.size(); ++file) {
    SCOPED_TRACE(file);
    ASSERT_TRUE(is_read(files[file]));
    int reads = 0;
    for (int i = 0; i < kEach; ++i) {
      SCOPED_TRACE(i);
      reads += is_read(mutated(mutations, files[file], i)) ? 1 : 0;
    }
    EXPECT_LT(reads, kEach);
  }
  EXPECT_LT(peak_kib() - before, kMostKib);
}

TEST_F(HostileDicom, EveryCutIsRefused) {
  for (const std::string& bytes :
       {read_file(grey_), in(grey_, EXS_RLELossless), in_jpeg2000(colour_, true)}) {
    for (std::size_t size = 0; size + 1 < bytes.size(); size += 1 + bytes.size() / 40) {
      EXPECT_FALSE(is_read(bytes.substr(0, size))) << size;
    }
  }
}

/// The value of a US element of the header, little endian.
std::string with_number(std::string bytes, const DcmTagKey& tag, std::uint16_t number) {
  const std::string head{static_cast<char>(tag.getGroup() & 0xFF), static_cast<char>(tag.getGroup() >> 8),
                         static_cast<char>(tag.getElement() & 0xFF),
                         static_cast<char>(tag.getElement() >> 8)};
  const std::size_t at = bytes.find(head + "US");
  EXPECT_NE(at, std::string::npos);
  std::memcpy(bytes.data() + at + 8, &number, 2);
  return bytes;
}

TEST_F(HostileDicom, SizesThatLie) {
  const std::int64_t before = peak_kib();
  const std::vector<std::string> files{read_file(grey_), in(grey_, EXS_RLELossless),
                                       in(grey_, EXS_JPEGProcess14SV1), in(grey_, EXS_JPEGLSLossless),
                                       in_jpeg2000(grey_, true)};
  for (const std::string& bytes : files) {
    SCOPED_TRACE(&bytes - files.data());
    EXPECT_FALSE(is_read(with_number(with_number(bytes, DCM_Rows, 65535), DCM_Columns, 65535)));
    EXPECT_FALSE(is_read(with_number(with_number(bytes, DCM_Rows, 16000), DCM_Columns, 16000)));
    EXPECT_FALSE(is_read(with_number(bytes, DCM_Rows, 9)));
    EXPECT_FALSE(is_read(with_number(bytes, DCM_SamplesPerPixel, 3)));
    EXPECT_FALSE(is_read(with_number(bytes, DCM_SamplesPerPixel, 0)));
    EXPECT_FALSE(is_read(with_number(bytes, DCM_BitsAllocated, 64)));
  }
  for (const std::string& bytes : {files[1], files[2], files[3], files[4]}) {
    EXPECT_FALSE(is_read(with_number(bytes, DCM_BitsAllocated, 8)));
  }
  for (const std::string& bytes : {files[2], files[3], files[4]}) {
    expect_refused(with_number(bytes, DCM_Rows, 7), "stream of 16 x 7 pixels of 1 samples, found 16 x 8");
  }
  expect_refused(with_number(with_number(files[1], DCM_Rows, 16000), DCM_Columns, 16000),
                 "claim to unpack to");
  EXPECT_LT(peak_kib() - before, kMostKib);
}

TEST_F(HostileDicom, TransferSyntaxesThatLie) {
  const std::int64_t before = peak_kib();
  const std::string native = "1.2.840.10008.1.2.1\0"s;
  const std::vector<std::string> others{"1.2.840.10008.1.2.5\0"s, "1.2.840.10008.1.2.4.70"s,
                                        "1.2.840.10008.1.2.4.80"s, "1.2.840.10008.1.2.4.90"s,
                                        "1.2.840.10008.1.2.4.50"s};
  const auto meta = [](std::string bytes, const std::string& from, const std::string& to) {
    const std::size_t at = bytes.find("UI"s + static_cast<char>(from.size()) + "\0"s + from);
    EXPECT_NE(at, std::string::npos) << from;
    bytes[kHead + 8] =
        static_cast<char>(bytes[kHead + 8] + static_cast<int>(to.size()) - static_cast<int>(from.size()));
    return bytes.replace(at + 2, 2 + from.size(), static_cast<char>(to.size()) + "\0"s + to);
  };
  const std::vector<std::string> files{in(grey_, EXS_RLELossless), in(grey_, EXS_JPEGProcess14SV1),
                                       in(grey_, EXS_JPEGLSLossless), in_jpeg2000(grey_, true)};
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string large = with_number(with_number(files[i], DCM_Rows, 16000), DCM_Columns, 16000);
    EXPECT_FALSE(is_read(meta(files[i], others[i], native)));
    EXPECT_FALSE(is_read(meta(large, others[i], native)));
    for (std::size_t other = 0; other < others.size(); ++other) {
      const bool is_jpeg_as_jpeg = i == 1 && other == 4;  // the stream itself says which kind it is
      EXPECT_TRUE(other == i || is_jpeg_as_jpeg || !is_read(meta(files[i], others[i], others[other])))
          << i << " " << other;
    }
  }
  for (const std::string& other : others) {
    EXPECT_FALSE(is_read(meta(read_file(grey_), native, other)));
  }
  EXPECT_LT(peak_kib() - before, kMostKib);
}

TEST_F(HostileDicom, NumbersThatAreNone) {
  for (const char* number : {"1e308", "-1e308", "nan", "inf", "1e999", "x", "\\", ""}) {
    for (const DcmTagKey& tag : {DCM_RescaleSlope, DCM_RescaleIntercept, DCM_WindowCenter, DCM_WindowWidth}) {
      const auto edit = [&](DcmDataset& d) {
        for (const DcmTagKey& other : {DCM_RescaleSlope, DCM_WindowCenter, DCM_WindowWidth}) {
          d.putAndInsertString(other, "1e308");
        }
        d.putAndInsertString(tag, number);
        DcmItem* item = nullptr;
        d.findOrCreateSequenceItem(DCM_VOILUTSequence, item);
        const std::vector<Uint16> descriptor{0, 7, 16};
        item->putAndInsertUint16Array(DCM_LUTDescriptor, descriptor.data(), 3);
        item->putAndInsertUint16Array(DCM_LUTData, descriptor.data(), 3);
      };
      EXPECT_TRUE(is_read(read_file(write_grey(edit)))) << number;
      EXPECT_TRUE(is_read(read_file(write_grey([&](DcmDataset& d) {
        edit(d);
        d.findAndDeleteElement(DCM_VOILUTSequence);
      }))))
          << number;
    }
  }
}

std::string with_big(std::string bytes, std::size_t at, std::uint32_t number, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    bytes[at + i] = static_cast<char>(number >> (8 * (count - 1 - i)));
  }
  return bytes;
}

TEST_F(HostileDicom, JpegHeadersThatLie) {
  const std::int64_t before = peak_kib();
  for (const auto& [bytes, marker] : {std::pair(in(grey_, EXS_JPEGProcess14SV1), "\xFF\xC3"sv),
                                      std::pair(in(grey_, EXS_JPEGLSLossless), "\xFF\xF7"sv),
                                      std::pair(in(colour_, EXS_JPEGProcess1), "\xFF\xC0"sv)}) {
    const std::size_t at = bytes.find(marker);
    ASSERT_NE(at, std::string::npos);
    expect_refused(with_big(bytes, at + 5, 65535, 2), "expected a JPEG stream of 16 x 8 pixels");
    expect_refused(with_big(bytes, at + 7, 65500, 2), "expected a JPEG stream of 16 x 8 pixels");
    expect_refused(with_big(bytes, at + 9, 255, 1), "expected a JPEG stream of 16 x 8 pixels");
    expect_refused(with_big(bytes, at + 4, 99, 1), "bits, found 99");
    EXPECT_FALSE(is_read(with_big(bytes, at + 2, 3, 2)));
    EXPECT_FALSE(is_read(with_big(bytes, at, 0xFFE1, 2))) << "no frame header at all";
  }
  EXPECT_LT(peak_kib() - before, kMostKib);
}

TEST_F(HostileDicom, Jpeg2000HeadersThatLie) {
  const std::int64_t before = peak_kib();
  const std::string bytes = in_jpeg2000(grey_, true);
  const std::size_t siz = bytes.find("\xFF\x51"sv);
  const std::size_t cod = bytes.find("\xFF\x52"sv);
  const std::size_t sot = bytes.find("\xFF\x90"sv);
  ASSERT_NE(sot, std::string::npos);
  expect_refused(with_big(bytes, siz + 6, 65536, 4),
                 "expected a JPEG 2000 stream of 16 x 8 pixels of 1 samples");
  expect_refused(with_big(bytes, siz + 10, 0x7FFFFFFF, 4), "JPEG 2000 stream of");
  expect_refused(with_big(bytes, siz + 14, 1, 4),
                 "expected a JPEG 2000 stream of 16 x 8 pixels of 1 samples");
  expect_refused(with_big(with_big(bytes, siz + 6, 0x10000010, 4), siz + 14, 0x10000000, 4), "8192 tiles");
  expect_refused(with_big(bytes, siz + 22, 0, 4), "contradict each other");
  expect_refused(with_big(bytes, siz + 38, 16384, 2), "contradict each other");
  expect_refused(with_big(bytes, siz + 40, 37, 1), "at most 16 bits, found 38");
  expect_refused(with_big(bytes, siz + 41, 2, 1), "differ in bits or are subsampled");
  expect_refused(with_big(bytes, siz + 2, 65535, 2), "contradict each other");
  expect_refused(with_big(bytes, cod + 6, 65535, 2), "256 layers");
  expect_refused(with_big(bytes, cod + 9, 33, 1), "coding style");
  expect_refused(with_big(bytes, cod + 4, 1, 1), "coding style");
  expect_refused(with_big(bytes, cod + 2, 60000, 2), "unknown or cut short");
  expect_refused(with_big(bytes, cod, 0xFF64, 2), "no marker COD");
  expect_refused(with_big(bytes, sot, 0xFF7F, 2), "unknown or cut short");
  expect_refused(with_big(bytes, sot + 6, 13, 4), "shorter than its own header");
  EXPECT_LT(peak_kib() - before, kMostKib);
}

TEST_F(HostileDicom, RunLengthOffsetsThatLie) {
  const std::string bytes = in(grey_, EXS_RLELossless);
  const std::string_view header("\x02\0\0\0\x40\0\0\0", 8);  // two segments, the first behind the header
  const std::size_t at = bytes.find(header);
  ASSERT_NE(at, std::string::npos);
  for (const std::uint32_t offset : {0U, 63U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    for (const std::size_t segment : {4U, 8U}) {
      std::string lie = bytes;
      std::memcpy(lie.data() + at + segment, &offset, 4);
      expect_refused(lie, "lies outside of them");
    }
  }
  std::string lie = bytes;
  lie[at] = 15;
  expect_refused(lie, "run-length coded pixels in 2 segments");
  std::memset(lie.data() + at, 0, 12);
  EXPECT_FALSE(is_read(lie));
}

/// A sequence in an item in a sequence ... of undefined length, and of the length that it has.
std::string nested(std::size_t levels, bool has_lengths, const std::string& pixels) {
  const auto number = [](std::size_t value) {
    const auto word = static_cast<std::uint32_t>(value);
    return std::string(reinterpret_cast<const char*>(&word), 4);
  };
  std::string inner;
  if (has_lengths) {
    for (std::size_t i = 0; i < levels; ++i) {
      const std::string item = "\xFE\xFF\x00\xE0"s + number(inner.size());
      inner = "\x40\0\x30\xA7SQ\0\0"s + number(8 + inner.size()) + item + inner;
      if (inner.size() > (1U << 20U)) {
        break;  // the cost of making it grows with the square
      }
    }
    return pixels + inner;
  }
  for (std::size_t i = 0; i < levels; ++i) {
    inner += "\x40\0\x30\xA7SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF"sv;
  }
  for (std::size_t i = 0; i < levels; ++i) {
    inner += "\xFE\xFF\x0D\xE0\0\0\0\0\xFE\xFF\xDD\xE0\0\0\0\0"sv;
  }
  return pixels + inner;
}

TEST_F(HostileDicom, SequencesInSequences) {
  const std::string bytes = read_file(grey_);
  const std::string head =
      bytes.substr(0, bytes.find("\x28\x00\x02\x00US"sv));  // in front of the image's tags
  expect_refused(nested(3, false, head), "a DICOM file without a picture");
  for (const std::size_t levels : {65U, 1000U, 10000U, 300000U}) {
    expect_refused(nested(levels, false, head), "more than 64 levels deep");
  }
  expect_refused(nested(6000, true, head), "more than 64 levels deep");
  // The same behind something that cannot be followed.
  const std::string lost = head + "\x41\0\x30\xA7??\0\0"s;
  expect_refused(nested(100000, false, lost), "items in a structure that cannot be followed");
  // Inside a UN of undefined length the encoding is implicit.
  std::string implicit = head + "\x41\0\x30\xA7UN\0\0\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF"s;
  for (int i = 0; i < 20000; ++i) {
    implicit += "\x40\0\x30\xA7\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF"sv;
  }
  expect_refused(implicit, "more than 64 levels deep");
}

TEST_F(HostileDicom, ADeflatedBomb) {
  const std::string bytes = in(grey_, EXS_DeflatedLittleEndianExplicit);
  std::string zeros(1 << 20, '\0');
  z_stream stream{};
  deflateInit2(&stream, 1, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string bomb(8 << 20, '\0');
  stream.next_out = reinterpret_cast<Bytef*>(bomb.data());
  stream.avail_out = static_cast<uInt>(bomb.size());
  for (int i = 0; i < 300; ++i) {
    stream.next_in = reinterpret_cast<Bytef*>(zeros.data());
    stream.avail_in = static_cast<uInt>(zeros.size());
    deflate(&stream, i == 299 ? Z_FINISH : Z_NO_FLUSH);
  }
  bomb.resize(stream.total_out);
  deflateEnd(&stream);
  const std::int64_t before = peak_kib();
  const std::size_t dataset =
      kHead + 12 + static_cast<unsigned char>(bytes[kHead + 8]);  // by the meta header's length
  expect_refused(bytes.substr(0, dataset) + bomb, "unpacks to more than");
  EXPECT_LT(peak_kib() - before, 2 * kMostKib);
}

TEST_F(HostileDicom, ANameInAnotherTagIsNotRepeated) {
  for (const char* name : {"SECRET^JANE", "Secret", "SECRET", "MONOCHROME2 SECRET"}) {
    for (const bool has_pixels : {true, false}) {
      const std::string bytes = read_file(write_grey([&](DcmDataset& d) {
        d.putAndInsertString(DCM_PhotometricInterpretation, name);
        if (!has_pixels) {
          d.findAndDeleteElement(DCM_PixelData);
        }
      }));
      expect_refused(bytes, has_pixels ? "found an unknown value of 1 samples"
                                       : "photometric interpretation: an unknown value)");
    }
  }
}

TEST_F(HostileDicom, NoFileAndNoDicom) {
  EXPECT_ERROR(read_dicom_info(folder_ / "none.dcm"), "none.dcm: no such file");
  EXPECT_ERROR(read_dicom_info(folder_), "no such file");
  expect_refused("", "m.dcm: expected a DICOM file");
  expect_refused("not a picture", "m.dcm");
  expect_refused(std::string(1 << 16, '\0'), "m.dcm");
  expect_refused(std::string(128, '\0') + "DICM", "m.dcm");
  expect_refused(std::string(1 << 20, '\xFF'), "m.dcm");
}

}  // namespace
}  // namespace medisyn
