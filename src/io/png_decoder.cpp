#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "decoders.h"
#include "image_header.h"
#include "medisyn/core/error.h"

namespace medisyn {
namespace {

/// libpng calls back on an error and must not get control again: it is left by longjmp. The functions that
/// call setjmp hold no object with a destructor.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes)
      : bytes_(bytes),
        png_(png_create_read_struct(PNG_LIBPNG_VER_STRING, this, leave, ignore)),
        info_(png_ == nullptr ? nullptr : png_create_info_struct(png_)) {
    if (info_ == nullptr) {
      fail("PNG: libpng cannot be set up");
    }
    png_set_read_fn(png_, this, read_some);
  }
  ~Decoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// False: reason() says why. From here on pixels are 8-bit RGB, or RGBA where channels() is 4.
  bool read_header() {
    if (setjmp(png_jmpbuf(png_)) != 0) {
      return false;
    }
    png_read_info(png_, info_);
    png_set_expand(png_);
    png_set_scale_16(png_);
    png_set_gray_to_rgb(png_);
    passes_ = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }

  /// `pixels`: [H, W, channels()].
  bool read_pixels(std::uint8_t* pixels) {
    if (setjmp(png_jmpbuf(png_)) != 0) {
      return false;
    }
    const std::size_t stride = png_get_rowbytes(png_, info_);
    for (int pass = 0; pass < passes_; ++pass) {
      for (int row = 0; row < height(); ++row) {
        png_read_row(png_, pixels + static_cast<std::size_t>(row) * stride, nullptr);
      }
    }
    png_read_end(png_, info_);
    return true;
  }

  int height() const { return static_cast<int>(png_get_image_height(png_, info_)); }
  int width() const { return static_cast<int>(png_get_image_width(png_, info_)); }
  std::size_t channels() const { return png_get_channels(png_, info_); }
  const char* reason() const { return reason_.data(); }

  int orientation() const {
    png_uint_32 size = 0;
    png_bytep exif = nullptr;
    return png_get_eXIf_1(png_, info_, &size, &exif) == 0
               ? 1
               : exif_orientation({reinterpret_cast<const char*>(exif), size});
  }

 private:
  [[noreturn]] static void leave(png_structp png, png_const_charp reason) {
    auto* decoder = static_cast<Decoder*>(png_get_error_ptr(png));
    std::snprintf(decoder->reason_.data(), decoder->reason_.size(), "%s", reason);
    png_longjmp(png, 1);
  }

  static void ignore(png_structp, png_const_charp) {}

  static void read_some(png_structp png, png_bytep to, std::size_t size) {
    auto* decoder = static_cast<Decoder*>(png_get_io_ptr(png));
    if (size > decoder->bytes_.size()) {
      png_error(png, "the file is cut short");
    }
    std::memcpy(to, decoder->bytes_.data(), size);
    decoder->bytes_.remove_prefix(size);
  }

  std::string_view bytes_;  ///< not read yet
  std::array<char, 128> reason_{};
  png_structp png_;
  png_infop info_;
  int passes_ = 1;
};

void lay_over_black(const std::vector<std::uint8_t>& rgba, std::vector<std::uint8_t>& rgb) {
  for (std::size_t i = 0; i < rgb.size() / 3; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      rgb[3 * i + c] = over_black(rgba[4 * i + c], rgba[4 * i + 3]);
    }
  }
}

}  // namespace

StoredPicture decode_png(std::string_view bytes, const std::string& name) {
  Decoder decoder(bytes);
  if (!decoder.read_header()) {
    fail("{}: corrupt PNG: {}", name, printable(decoder.reason()));
  }
  // Deflate packs at most 1,032 to 1, and no PNG has fewer than one bit a pixel: 8 x 1,032 a byte.
  constexpr std::int64_t kMostPixelsAByte = 8256;
  check_claim(decoder.height(), decoder.width(), bytes.size(), kMostPixelsAByte, "PNG", name);
  StoredPicture picture{{decoder.height(), decoder.width(), {}}, 1};
  const std::size_t count =
      static_cast<std::size_t>(decoder.height()) * static_cast<std::size_t>(decoder.width());
  std::vector<std::uint8_t>& rgb = picture.image.pixels;
  rgb.resize(count * 3);
  std::vector<std::uint8_t> rgba(decoder.channels() == 4 ? count * 4 : 0);
  if (!decoder.read_pixels(rgba.empty() ? rgb.data() : rgba.data())) {
    fail("{}: corrupt PNG: {}", name, printable(decoder.reason()));
  }
  if (!rgba.empty()) {
    lay_over_black(rgba, rgb);
  }
  picture.orientation = decoder.orientation();
  return picture;
}

}  // namespace medisyn
