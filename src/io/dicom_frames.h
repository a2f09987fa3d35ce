// Frames of a DICOM file as stored values, whatever their transfer syntax.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dicom_layout.h"

class DcmDataset;
class DcmPixelData;
class DcmPixelItem;

namespace medisyn {

struct StoredFrame {
  PixelLayout layout;               ///< of these bytes: a codec may have changed bits, colours and planes
  std::vector<std::uint8_t> bytes;  ///< little endian; 1 bit and 8 bits: a byte a sample

  /// The bits of sample `i` without those that are not stored.
  std::uint32_t code(std::size_t i) const {
    std::uint32_t bits = bytes[i * size_];
    for (std::size_t k = 1; k < size_; ++k) {
      bits |= static_cast<std::uint32_t>(bytes[i * size_ + k]) << (8 * k);
    }
    return (bits >> shift_) & mask_;
  }
  /// A code as the number that it stands for.
  std::int64_t value(std::uint32_t code) const {
    const std::int64_t sign = std::int64_t{1} << (layout.bits_stored - 1);
    return layout.is_signed ? (static_cast<std::int64_t>(code) ^ sign) - sign
                            : static_cast<std::int64_t>(code);
  }

  StoredFrame(const PixelLayout& of, std::vector<std::uint8_t> samples)
      : layout(of),
        bytes(std::move(samples)),
        size_(of.bits_allocated <= 8 ? 1 : static_cast<std::size_t>(of.bits_allocated) / 8),
        shift_(static_cast<std::uint32_t>(of.high_bit + 1 - of.bits_stored)),
        mask_(static_cast<std::uint32_t>((std::uint64_t{1} << of.bits_stored) - 1)) {}

 private:
  std::size_t size_;
  std::uint32_t shift_;
  std::uint32_t mask_;
};

/// byte_of(value) of every sample of a frame with one sample a pixel: of every code once where there are
/// fewer of them than pixels, so that no curve is computed for each pixel.
template <class ByteOf>
std::vector<std::uint8_t> map_samples(const StoredFrame& frame, const ByteOf& byte_of) {
  std::vector<std::uint8_t> out(frame.layout.pixels());
  if (frame.layout.bits_stored > 16 || std::size_t{1} << frame.layout.bits_stored > out.size()) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = byte_of(frame.value(frame.code(i)));
    }
    return out;
  }
  std::vector<std::uint8_t> table(std::size_t{1} << frame.layout.bits_stored);
  for (std::size_t code = 0; code < table.size(); ++code) {
    table[code] = byte_of(frame.value(static_cast<std::uint32_t>(code)));
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = table[frame.code(i)];
  }
  return out;
}

/// Takes one frame after the other out of a file; one is in memory at a time.
class FrameDecoder {
 public:
  /// `name` begins every message. Error when the compressed pixels are in fewer pieces than frames, or in
  /// pieces that no table assigns to frames.
  FrameDecoder(DcmDataset& dataset, const PixelLayout& layout, std::string name);

  /// Error naming the frame when it cannot be decoded.
  StoredFrame decode(int frame);

 private:
  void index_fragments();
  std::string fragment_bytes(std::size_t frame) const;
  StoredFrame read_native(std::size_t frame, const std::string& where) const;
  StoredFrame decode_fragments(std::size_t frame, const std::string& where);
  std::vector<std::uint8_t> decode_by_dcmtk(std::size_t frame, const std::string& where);

  DcmDataset& dataset_;
  PixelLayout layout_;
  std::string name_;
  DcmPixelData* pixels_ = nullptr;
  std::vector<DcmPixelItem*> fragments_;  ///< without the offset table
  std::vector<std::size_t> begins_;       ///< the first fragment of each frame, and their number
};

}  // namespace medisyn
