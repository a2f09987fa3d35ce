#include <csetjmp>
#include <cstdio>  // jpeglib.h needs it
#include <cstdlib>
#include <memory>

#include <jpeglib.h>

#include "decoders.h"
#include "image_header.h"
#include "medisyn/core/error.h"

namespace medisyn {
namespace {

/// libjpeg calls back on an error and must not get control again: it is left by longjmp. The functions that
/// call setjmp hold no object with a destructor.
struct Trouble {
  jpeg_error_mgr calls;  ///< first, so that libjpeg's pointer to it is one to this
  jmp_buf back;
  char reason[JMSG_LENGTH_MAX];
};

void leave(j_common_ptr codec) {
  auto* trouble = reinterpret_cast<Trouble*>(codec->err);
  codec->err->format_message(codec, trouble->reason);
  longjmp(trouble->back, 1);  // NOLINT: libjpeg is C
}

void say_nothing(j_common_ptr) {}

jpeg_error_mgr* set_up(Trouble& trouble) {
  jpeg_error_mgr* calls = jpeg_std_error(&trouble.calls);
  calls->error_exit = leave;
  calls->output_message = say_nothing;
  trouble.reason[0] = 0;
  return calls;
}

/// A small file can ask for a hundred thousand passes over a giant picture.
void limit_scans(j_common_ptr codec) {
  constexpr int kMostScans = 200;
  if (reinterpret_cast<j_decompress_ptr>(codec)->input_scan_number > kMostScans) {
    auto* trouble = reinterpret_cast<Trouble*>(codec->err);
    std::snprintf(trouble->reason, sizeof trouble->reason, "more than %d scans", kMostScans);
    longjmp(trouble->back, 1);  // NOLINT: libjpeg is C
  }
}

class Decoder {
 public:
  Decoder() {
    codec_.err = set_up(trouble_);
    jpeg_create_decompress(&codec_);
    progress_.progress_monitor = limit_scans;
    codec_.progress = &progress_;
  }
  ~Decoder() { jpeg_destroy_decompress(&codec_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// False: reason() says why.
  bool read_header(std::string_view bytes) {
    if (setjmp(trouble_.back) != 0) {
      return false;
    }
    jpeg_mem_src(&codec_, reinterpret_cast<const unsigned char*>(bytes.data()),
                 static_cast<unsigned long>(bytes.size()));
    jpeg_read_header(&codec_, TRUE);
    codec_.out_color_space = is_cmyk() ? JCS_CMYK : JCS_RGB;
    jpeg_calc_output_dimensions(&codec_);
    return true;
  }

  bool is_cmyk() const { return codec_.jpeg_color_space == JCS_CMYK || codec_.jpeg_color_space == JCS_YCCK; }
  int height() const { return static_cast<int>(codec_.output_height); }
  int width() const { return static_cast<int>(codec_.output_width); }
  const char* reason() const { return trouble_.reason; }

  /// [H, W, 3], or 4 of CMYK; `row` is room for one of these.
  bool read_pixels(std::uint8_t* pixels, std::uint8_t* row) {
    if (setjmp(trouble_.back) != 0) {
      return false;
    }
    jpeg_start_decompress(&codec_);
    while (codec_.output_scanline < codec_.output_height) {
      std::uint8_t* target =
          pixels + std::size_t{3} * codec_.output_scanline * static_cast<std::size_t>(codec_.output_width);
      std::uint8_t* into = is_cmyk() ? row : target;
      jpeg_read_scanlines(&codec_, &into, 1);
      if (is_cmyk()) {
        to_rgb(row, target);
      }
    }
    jpeg_finish_decompress(&codec_);
    return true;
  }

 private:
  /// Adobe writes CMYK inverted, and so does everybody. No inks: white.
  void to_rgb(const std::uint8_t* cmyk, std::uint8_t* rgb) const {
    for (JDIMENSION x = 0; x < codec_.output_width; ++x, cmyk += 4, rgb += 3) {
      for (int c = 0; c < 3; ++c) {
        rgb[c] = over_black(cmyk[c], cmyk[3]);
      }
    }
  }

  jpeg_decompress_struct codec_{};
  jpeg_progress_mgr progress_{};
  Trouble trouble_{};
};

class Encoder {
 public:
  Encoder() {
    codec_.err = set_up(trouble_);
    jpeg_create_compress(&codec_);
  }
  ~Encoder() {
    jpeg_destroy_compress(&codec_);
    std::free(bytes_);  // NOLINT: libjpeg's malloc
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  bool write(const Image& image, int quality) {
    if (setjmp(trouble_.back) != 0) {
      return false;
    }
    jpeg_mem_dest(&codec_, &bytes_, &size_);
    codec_.image_width = static_cast<JDIMENSION>(image.width);
    codec_.image_height = static_cast<JDIMENSION>(image.height);
    codec_.input_components = 3;
    codec_.in_color_space = JCS_RGB;
    jpeg_set_defaults(&codec_);
    jpeg_set_quality(&codec_, quality, TRUE);
    jpeg_start_compress(&codec_, TRUE);
    while (codec_.next_scanline < codec_.image_height) {
      // libjpeg only reads.
      auto* row = const_cast<std::uint8_t*>(image.pixels.data()) +  // NOLINT
                  std::size_t{3} * codec_.next_scanline * static_cast<std::size_t>(image.width);
      jpeg_write_scanlines(&codec_, &row, 1);
    }
    jpeg_finish_compress(&codec_);
    return true;
  }

  const char* reason() const { return trouble_.reason; }
  std::string bytes() const { return {reinterpret_cast<const char*>(bytes_), size_}; }

 private:
  jpeg_compress_struct codec_{};
  Trouble trouble_{};
  unsigned char* bytes_ = nullptr;
  unsigned long size_ = 0;
};

}  // namespace

StoredPicture decode_jpeg(std::string_view bytes, const std::string& name) {
  const ImageClaim claim = read_jpeg_claim(bytes);
  // A Huffman code has at least one bit, and there is at least one for 8 x 8 pixels: 8 x 64 a byte.
  constexpr std::int64_t kMostPixelsAByte = 512;
  check_claim(claim.height, claim.width, bytes.size(), kMostPixelsAByte, "JPEG", name);
  if (!claim.is_complete) {
    fail("{}: corrupt JPEG: the file is cut short ({} bytes for {} x {} pixels)", name, bytes.size(),
         claim.width, claim.height);
  }
  Decoder decoder;
  if (!decoder.read_header(bytes)) {
    fail("{}: corrupt JPEG: {}", name, printable(decoder.reason()));
  }
  check_claim(decoder.height(), decoder.width(), bytes.size(), kMostPixelsAByte, "JPEG", name);
  StoredPicture picture{{decoder.height(), decoder.width(), {}}, claim.orientation};
  const auto width = static_cast<std::size_t>(decoder.width());
  picture.image.pixels.resize(static_cast<std::size_t>(decoder.height()) * width * 3);
  std::vector<std::uint8_t> row(decoder.is_cmyk() ? width * 4 : 0);
  if (!decoder.read_pixels(picture.image.pixels.data(), row.data())) {
    fail("{}: corrupt JPEG: {}", name, printable(decoder.reason()));
  }
  return picture;
}

std::string encode_jpeg(const Image& image, int quality) {
  const auto expected = static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width) * 3;
  if (image.height <= 0 || image.width <= 0 || image.pixels.size() != expected) {
    fail("JPEG: expected {} x {} x 3 bytes, found {}", image.height, image.width, image.pixels.size());
  }
  Encoder encoder;
  if (!encoder.write(image, quality)) {
    fail("JPEG: {} x {} pixels cannot be written: {}", image.width, image.height, encoder.reason());
  }
  return encoder.bytes();
}

}  // namespace medisyn
