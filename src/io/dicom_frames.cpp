#include "dicom_frames.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>
#include <string_view>

#include "dicom_codestream.h"
#include "dicom_jpeg2000.h"
#include "medisyn/core/error.h"

namespace medisyn {
namespace {

bool is_jpeg2000(E_TransferSyntax syntax) {
  return syntax == EXS_JPEG2000 || syntax == EXS_JPEG2000LosslessOnly;
}

bool is_jpeg_ls(E_TransferSyntax syntax) { return syntax == EXS_JPEGLSLossless || syntax == EXS_JPEGLSLossy; }

std::string_view bytes_of(DcmPixelItem& item) {
  Uint8* bytes = nullptr;
  if (item.getUint8Array(bytes).bad() || bytes == nullptr) {
    return {};
  }
  return {reinterpret_cast<const char*>(bytes), item.getLength()};
}

/// The first bytes of a JPEG, JPEG-LS or JPEG 2000 stream, or of a JP2 file.
bool begins_stream(std::string_view bytes) {
  using namespace std::string_view_literals;
  return bytes.starts_with("\xFF\xD8"sv) || bytes.starts_with("\xFF\x4F\xFF\x51"sv) ||
         bytes.starts_with("\0\0\0\x0CjP  "sv);
}

/// The basic offset table: for each frame, its distance from the first fragment's head.
std::vector<std::size_t> begins_by_table(std::string_view table, const std::vector<DcmPixelItem*>& fragments,
                                         std::size_t frames) {
  std::vector<std::size_t> begins;
  if (table.size() != 4 * frames) {
    return begins;
  }
  std::size_t distance = 0;
  for (std::size_t i = 0; i < fragments.size() && begins.size() < frames; ++i) {
    const auto* entry = reinterpret_cast<const unsigned char*>(table.data()) + 4 * begins.size();
    const std::size_t wanted = entry[0] | static_cast<std::size_t>(entry[1]) << 8U |
                               static_cast<std::size_t>(entry[2]) << 16U |
                               static_cast<std::size_t>(entry[3]) << 24U;
    if (distance == wanted) {
      begins.push_back(i);
    }
    distance += 8 + fragments[i]->getLength();  // a head of 8 bytes in front of each
  }
  return begins;
}

std::vector<std::size_t> begins_by_stream(const std::vector<DcmPixelItem*>& fragments) {
  std::vector<std::size_t> begins;
  for (std::size_t i = 0; i < fragments.size(); ++i) {
    if (begins_stream(bytes_of(*fragments[i]))) {
      begins.push_back(i);
    }
    fragments[i]->compact();
  }
  return begins;
}

/// Two pixels of YBR_FULL_422 are Y Y Cb Cr (PS3.3, C.7.6.3.1.2); the last of an odd row is alone.
std::vector<std::uint8_t> spread_422(const std::vector<std::uint8_t>& packed, std::size_t pixels) {
  std::vector<std::uint8_t> full(pixels * 3);
  for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
    const std::size_t pair = pixel / 2 * 4;
    full[3 * pixel] = packed[pair + pixel % 2];
    full[3 * pixel + 1] = packed[std::min(pair + 2, packed.size() - 1)];
    full[3 * pixel + 2] = packed[std::min(pair + 3, packed.size() - 1)];
  }
  return full;
}

/// Bits of a mask, the lowest of a byte first, to bytes.
std::vector<std::uint8_t> spread_bits(const std::vector<std::uint8_t>& packed, std::size_t first,
                                      std::size_t pixels) {
  std::vector<std::uint8_t> bytes(pixels);
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::size_t bit = first + i;
    bytes[i] = static_cast<std::uint8_t>(packed[bit / 8] >> (bit % 8) & 1U);
  }
  return bytes;
}

/// DCMTK turns words of 16 bits; of big-endian values of 32 the halves are left to be turned.
void swap_halves(std::vector<std::uint8_t>& bytes) {
  for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4) {
    std::swap(bytes[i], bytes[i + 2]);
    std::swap(bytes[i + 1], bytes[i + 3]);
  }
}

}  // namespace

FrameDecoder::FrameDecoder(DcmDataset& dataset, const PixelLayout& layout, std::string name)
    : dataset_(dataset), layout_(layout), name_(std::move(name)) {
  DcmElement* element = nullptr;
  dataset_.findAndGetElement(DCM_PixelData, element);
  pixels_ = dynamic_cast<DcmPixelData*>(element);
  if (pixels_ == nullptr) {
    fail("{}: its pixel data are no pixel data", name_);
  }
  if (DcmXfer(dataset_.getOriginalXfer()).isEncapsulated()) {
    index_fragments();
  }
}

void FrameDecoder::index_fragments() {
  DcmPixelSequence* sequence = nullptr;
  E_TransferSyntax syntax = EXS_Unknown;
  const DcmRepresentationParameter* parameter = nullptr;
  pixels_->getOriginalRepresentationKey(syntax, parameter);
  if (pixels_->getEncapsulatedRepresentation(syntax, parameter, sequence).bad() || sequence == nullptr) {
    fail("{}: its transfer syntax is {}, but its pixels are not compressed", name_,
         DcmXfer(dataset_.getOriginalXfer()).getXferName());
  }
  for (unsigned long i = 1; i < sequence->card(); ++i) {
    DcmPixelItem* item = nullptr;
    if (sequence->getItem(item, i).good() && item != nullptr) {
      fragments_.push_back(item);
    }
  }
  const auto frames = static_cast<std::size_t>(layout_.frames);
  if (fragments_.size() == frames) {
    for (std::size_t i = 0; i < frames; ++i) {
      begins_.push_back(i);
    }
  } else if (frames == 1 && !fragments_.empty()) {
    begins_.push_back(0);
  } else if (fragments_.size() > frames) {
    DcmPixelItem* table = nullptr;
    if (sequence->getItem(table, 0).good() && table != nullptr) {
      begins_ = begins_by_table(bytes_of(*table), fragments_, frames);
    }
    if (begins_.size() != frames) {
      begins_ = begins_by_stream(fragments_);
    }
  }
  if (begins_.size() != frames) {
    fail("{}: expected the compressed pixels of {} frames, found {} pieces that cannot be told apart", name_,
         frames, fragments_.size());
  }
  begins_.push_back(fragments_.size());
}

StoredFrame FrameDecoder::decode(int frame) {
  const std::string where = fmt::format("{}: frame {}", name_, frame);
  const auto index = static_cast<std::size_t>(frame);
  return begins_.empty() ? read_native(index, where) : decode_fragments(index, where);
}

StoredFrame FrameDecoder::read_native(std::size_t frame, const std::string& where) const {
  PixelLayout layout = layout_;
  const bool is_422 = layout.photometric == "YBR_FULL_422";
  const std::size_t samples = layout.pixels() * static_cast<std::size_t>(is_422 ? 2 : layout.samples);
  const std::size_t bits = samples * static_cast<std::size_t>(layout.bits_allocated);
  const std::size_t first_bit = frame * bits;
  // Whole words: in big-endian files a word of pixel data is turned as one.
  const std::size_t begin = first_bit / 16 * 2;
  const std::size_t end = std::min<std::size_t>((first_bit + bits + 15) / 16 * 2, pixels_->getLength());
  std::vector<std::uint8_t> bytes(end - begin);
  const OFCondition status = pixels_->getPartialValue(
      bytes.data(), static_cast<Uint32>(begin), static_cast<Uint32>(bytes.size()), nullptr, EBO_LittleEndian);
  if (status.bad() || bytes.size() * 8 < first_bit - begin * 8 + bits) {
    fail("{}: its pixels cannot be read ({})", where, status.text());
  }
  if (layout.bits_allocated == 1) {
    return {layout, spread_bits(bytes, first_bit - begin * 8, samples)};
  }
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(first_bit / 8 - begin));
  bytes.resize(bits / 8);
  const DcmXfer transfer(dataset_.getOriginalXfer());
  if (layout.bits_allocated == 32 && transfer.isBigEndian() && pixels_->getVR() != EVR_OL) {
    swap_halves(bytes);
  }
  if (is_422) {
    bytes = spread_422(bytes, layout.pixels());
    layout.photometric = "YBR_FULL";
  }
  return {layout, std::move(bytes)};
}

std::string FrameDecoder::fragment_bytes(std::size_t frame) const {
  std::string bytes;
  for (std::size_t i = begins_[frame]; i < begins_[frame + 1]; ++i) {
    bytes += bytes_of(*fragments_[i]);
    fragments_[i]->compact();
  }
  return bytes;
}

StoredFrame FrameDecoder::decode_fragments(std::size_t frame, const std::string& where) {
  const E_TransferSyntax syntax = dataset_.getOriginalXfer();
  const std::string compressed = fragment_bytes(frame);
  check_unpacked_size(compressed, layout_, where);
  PixelLayout layout = layout_;
  if (layout.photometric == "YBR_FULL_422") {
    layout.photometric = "YBR_FULL";  // what comes out of a codec has a chroma sample for each pixel
  }
  if (is_jpeg2000(syntax)) {
    std::vector<std::uint8_t> bytes = decode_jpeg2000(compressed, layout, where);
    return {layout, std::move(bytes)};
  }
  if (syntax == EXS_RLELossless) {
    check_rle(compressed, layout, where);
    return {layout, decode_by_dcmtk(frame, where)};
  }
  const JpegHeader header = check_jpeg(compressed, layout, where);
  // The stream's own precision decides the size of a sample.
  layout.bits_allocated = header.bits > 8 ? 16 : 8;
  layout.bits_stored = std::min(layout.bits_stored, layout.bits_allocated);
  layout.high_bit = std::min(layout.high_bit, layout.bits_allocated - 1);
  if (is_jpeg_ls(syntax)) {
    dataset_.putAndInsertUint16(DCM_BitsAllocated, static_cast<Uint16>(layout.bits_allocated));
  }
  std::vector<std::uint8_t> bytes = decode_by_dcmtk(frame, where);
  if (header.is_rgb) {
    layout.photometric = "RGB";
  } else if (layout.samples == 3 && header.is_ycc) {
    layout.photometric = "YBR_FULL";
  }
  return {layout, std::move(bytes)};
}

std::vector<std::uint8_t> FrameDecoder::decode_by_dcmtk(std::size_t frame, const std::string& where) {
  const std::size_t size = layout_.pixels() * static_cast<std::size_t>(layout_.samples) *
                           static_cast<std::size_t>(layout_.bits_allocated) / 8;
  std::vector<std::uint8_t> bytes(size + size % 2);
  auto fragment = static_cast<Uint32>(begins_[frame] + 1);  // the offset table is number 0
  OFString colours;  // as they were: no codec turns them (dicom_file.cpp)
  const OFCondition status =
      pixels_->getUncompressedFrame(&dataset_, static_cast<Uint32>(frame), fragment, bytes.data(),
                                    static_cast<Uint32>(bytes.size()), colours);
  if (status.bad()) {
    fail("{}: its pixels cannot be decoded ({}; {})", where, status.text(),
         DcmXfer(dataset_.getOriginalXfer()).getXferName());
  }
  return bytes;
}

}  // namespace medisyn
