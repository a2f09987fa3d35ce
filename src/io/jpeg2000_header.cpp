#include "jpeg2000_header.h"

#include <algorithm>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

constexpr std::uint64_t kSoc = 0xFF4F;
constexpr std::uint64_t kSiz = 0xFF51;
constexpr std::uint64_t kCod = 0xFF52;
constexpr std::uint64_t kCoc = 0xFF53;
constexpr std::uint64_t kSot = 0xFF90;
constexpr std::uint64_t kSod = 0xFF93;

// OpenJPEG keeps some 7 kB for a tile, 500 bytes for a precinct, 200 for a code block, 2 for each layer of a
// precinct: none of these tables grows beyond 150 MB.
constexpr std::int64_t kMostTiles = 8192;
constexpr std::int64_t kMostPrecincts = 1 << 18;
constexpr std::int64_t kMostBlocks = 1 << 19;
constexpr std::uint64_t kMostLayers = 256;

std::int64_t cells(std::int64_t length, std::int64_t cell) { return (length + cell - 1) / cell; }

class HeaderReader {
 public:
  HeaderReader(std::string_view bytes, const std::string& where) : bytes_(unboxed(bytes)), where_(where) {}

  Jpeg2000Header read() {
    if (number(0, 2) != kSoc || number(2, 2) != kSiz) {
      refuse("it does not begin with the markers SOC and SIZ");
    }
    read_size();
    header_.codestream = bytes_;
    std::size_t at = read_segments(2, kSot);
    if (!has_coding_) {
      refuse("its main header has no marker COD");
    }
    while (number(at, 2) == kSot) {
      read_segments(at, kSod);
      const std::uint64_t length = number(at + 6, 4);  // 0: up to the end
      if (length != 0 && length < 14) {
        refuse("a tile-part is shorter than its own header");
      }
      at = length == 0 || length > bytes_.size() - at ? bytes_.size() : at + length;
    }
    return header_;
  }

 private:
  [[noreturn]] void refuse(const char* reason) const {
    fail("{}: corrupt JPEG 2000 stream of {} bytes: {}", where_, bytes_.size(), reason);
  }

  /// JP2 files are boxes: 4 bytes of length, 4 of type; the stream lies in "jp2c".
  static std::string_view unboxed(std::string_view bytes) {
    std::size_t at = 0;
    while (bytes.size() - at >= 8 && bytes.substr(4, 4) == "jP  ") {
      const std::uint64_t length = number_in(bytes, at, 4);
      if (bytes.substr(at + 4, 4) == "jp2c") {
        return bytes.substr(at + 8);
      }
      if (length < 8 || length > bytes.size() - at) {
        break;
      }
      at += length;
    }
    return bytes;
  }

  static std::uint64_t number_in(std::string_view bytes, std::size_t at, std::size_t count) {
    std::uint64_t value = 0;
    for (std::size_t i = at; i < at + count && at + count <= bytes.size(); ++i) {
      value = value << 8U | static_cast<unsigned char>(bytes[i]);
    }
    return value;
  }
  std::uint64_t number(std::size_t at, std::size_t count) const { return number_in(bytes_, at, count); }
  std::int64_t whole(std::size_t at) const { return static_cast<std::int64_t>(number(at, 4)); }

  /// SIZ (A.5.1) at byte 2.
  void read_size() {
    header_.width = whole(8) - whole(16);
    header_.height = whole(12) - whole(20);
    const std::int64_t tile_width = whole(24);
    const std::int64_t tile_height = whole(28);
    header_.components = static_cast<int>(number(40, 2));
    const bool is_whole = number(4, 2) == 38 + 3 * static_cast<std::uint64_t>(header_.components);
    if (!is_whole || header_.width <= 0 || header_.height <= 0 || tile_width <= 0 || tile_height <= 0) {
      refuse("its sizes (marker SIZ) contradict each other");
    }
    if (cells(whole(8), tile_width) * cells(whole(12), tile_height) > kMostTiles) {
      refuse("it has more than 8192 tiles");
    }
    const std::uint64_t depth = number(42, 1);
    header_.bits = static_cast<int>(depth & 0x7FU) + 1;
    header_.is_signed = depth > 0x7F;
    for (std::size_t i = 0; i < static_cast<std::size_t>(header_.components); ++i) {
      if (number(42 + 3 * i, 3) != (depth << 16U | 0x0101U)) {
        refuse("its components differ in bits or are subsampled");
      }
    }
  }

  /// From behind the marker at `at` (SIZ or SOT) up to the first `last`; where that one stands.
  std::size_t read_segments(std::size_t at, std::uint64_t last) {
    at += 2 + number(at + 2, 2);
    while (number(at, 2) != last) {
      const std::uint64_t marker = number(at, 2);
      const std::uint64_t length = number(at + 2, 2);
      const bool is_segment = marker >= 0xFF50 && marker <= 0xFF64 && length >= 2;
      if (!is_segment || length > bytes_.size() || at + 2 + length > bytes_.size()) {
        refuse("a marker segment is unknown or cut short");
      }
      if (marker == kCod) {
        has_coding_ = true;
        check_layers(at);
        check_coding(at + 4, at + 9, at + 2 + length);
      } else if (marker == kCoc) {
        const std::size_t index = header_.components < 257 ? 1 : 2;
        check_coding(at + 4 + index, at + 5 + index, at + 2 + length);
      }
      at += 2 + length;
    }
    return at;
  }

  void check_layers(std::size_t at) const {
    if (number(at + 6, 2) > kMostLayers) {
      refuse("it has more than 256 layers");
    }
  }

  /// SPcod and SPcoc (table A.15): levels, code block, style, transform and, when bit 0 of `style` is set, a
  /// byte of precinct size for each resolution.
  void check_coding(std::size_t style, std::size_t at, std::size_t end) const {
    const std::uint64_t levels = number(at, 1);
    const bool has_precincts = (number(style, 1) & 1U) != 0;
    if (at + 5 + (has_precincts ? levels + 1 : 0) > end || levels > 32) {
      refuse("its coding style (marker COD or COC) is cut short");
    }
    const std::uint64_t block_bits = (number(at + 1, 1) & 0xFU) + (number(at + 2, 1) & 0xFU) + 4;
    const std::int64_t area = header_.width * header_.height * header_.components;
    if (cells(area, std::int64_t{1} << block_bits) > kMostBlocks) {
      refuse("it has more than 524288 code blocks");
    }
    std::int64_t precincts = 0;
    for (std::uint64_t r = 0; has_precincts && r <= levels; ++r) {
      const std::uint64_t size = number(at + 5 + r, 1);
      const std::uint64_t halvings = levels - r;
      precincts += cells(header_.width, std::int64_t{1} << (halvings + (size & 0xFU))) *
                   cells(header_.height, std::int64_t{1} << (halvings + (size >> 4U)));
    }
    if (precincts * header_.components > kMostPrecincts) {
      refuse("it has more than 262144 precincts");
    }
  }

  std::string_view bytes_;
  const std::string& where_;
  Jpeg2000Header header_;
  bool has_coding_ = false;
};

}  // namespace

Jpeg2000Header read_jpeg2000_header(std::string_view bytes, const std::string& where) {
  return HeaderReader(bytes, where).read();
}

}  // namespace medisyn
