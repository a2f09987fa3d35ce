#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>

#include "decoders.h"
#include "image_header.h"
#include "medisyn/core/error.h"

namespace medisyn {
namespace {

/// A file in memory, as libtiff reads it.
struct Source {
  std::string_view bytes;
  std::uint64_t at = 0;
  std::array<char, 256> reason{};  ///< libtiff's first complaint
};

tmsize_t read_some(thandle_t handle, void* to, tmsize_t size) {
  auto* source = static_cast<Source*>(handle);
  const std::uint64_t left = source->bytes.size() - std::min<std::uint64_t>(source->at, source->bytes.size());
  const std::uint64_t count = std::min(left, static_cast<std::uint64_t>(std::max<tmsize_t>(size, 0)));
  std::memcpy(to, source->bytes.data() + source->at, count);
  source->at += count;
  return static_cast<tmsize_t>(count);
}

tmsize_t write_nothing(thandle_t, void*, tmsize_t) { return 0; }

toff_t seek(thandle_t handle, toff_t offset, int from) {
  auto* source = static_cast<Source*>(handle);
  const std::uint64_t begin = from == SEEK_SET ? 0 : from == SEEK_CUR ? source->at : source->bytes.size();
  // Beyond the end nothing is read.
  source->at = std::min<std::uint64_t>(begin + offset, source->bytes.size());
  return begin + offset;
}

int close_nothing(thandle_t) { return 0; }

toff_t size_of(thandle_t handle) { return static_cast<Source*>(handle)->bytes.size(); }

int keep_reason(TIFF*, void* user, const char*, const char* format, va_list values) {
  auto* source = static_cast<Source*>(user);
  if (source->reason[0] == 0) {
    std::vsnprintf(source->reason.data(), source->reason.size(), format, values);
  }
  return 1;  // nothing goes to stderr
}

int ignore(TIFF*, void*, const char*, const char*, va_list) { return 1; }

using File = std::unique_ptr<TIFF, void (*)(TIFF*)>;

File open_tiff(Source& source) {
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                             TIFFOpenOptionsFree);
  constexpr tmsize_t kMostAtOnce = tmsize_t{1} << 30;  // a strip or tile, unpacked
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kMostAtOnce);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_reason, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), ignore, nullptr);
  constexpr const char* kReadUnmapped = "rm";
  return {TIFFClientOpenExt("", kReadUnmapped, &source, read_some, write_nothing, seek, close_nothing,
                            size_of, nullptr, nullptr, options.get()),
          TIFFClose};
}

/// libtiff multiplies alpha into colours, but not into grey.
bool has_grey_beside_alpha(TIFF* file) {
  std::uint16_t samples = 0, extra_samples = 0;
  std::uint16_t* kinds = nullptr;
  TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLESPERPIXEL, &samples);
  TIFFGetFieldDefaulted(file, TIFFTAG_EXTRASAMPLES, &extra_samples, &kinds);
  return samples == 2 && extra_samples == 1 && kinds[0] == EXTRASAMPLE_UNASSALPHA;
}

Image to_rgb(const std::uint32_t* raster, int height, int width, bool is_alpha_apart) {
  Image image{height, width, {}};
  const std::size_t count = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  image.pixels.resize(count * 3);
  std::uint8_t* to = image.pixels.data();
  for (std::size_t i = 0; i < count; ++i, to += 3) {
    const std::uint32_t pixel = raster[i];
    const std::uint32_t alpha = is_alpha_apart ? TIFFGetA(pixel) : 255;
    to[0] = over_black(TIFFGetR(pixel), alpha);
    to[1] = over_black(TIFFGetG(pixel), alpha);
    to[2] = over_black(TIFFGetB(pixel), alpha);
  }
  return image;
}

}  // namespace

StoredPicture decode_tiff(std::string_view bytes, const std::string& name) {
  Source source{bytes};
  const File file = open_tiff(source);
  if (!file) {
    fail("{}: corrupt TIFF: {}", name, printable(source.reason.data()));
  }
  std::uint32_t height = 0, width = 0;
  TIFFGetField(file.get(), TIFFTAG_IMAGELENGTH, &height);
  TIFFGetField(file.get(), TIFFTAG_IMAGEWIDTH, &width);
  constexpr std::int64_t kAnyPacking = 0;
  check_claim(height, width, bytes.size(), kAnyPacking, "TIFF", name);
  std::array<char, 1024> refusal{};
  if (TIFFRGBAImageOK(file.get(), refusal.data()) == 0) {
    fail("{}: this TIFF cannot be read: {}", name, printable(refusal.data()));
  }
  std::uint16_t orientation = 1;
  TIFFGetFieldDefaulted(file.get(), TIFFTAG_ORIENTATION, &orientation);
  // libtiff mirrors, but does not turn by a quarter: have the pixels as they are stored.
  TIFFSetField(file.get(), TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
  const auto raster =
      std::make_unique_for_overwrite<std::uint32_t[]>(static_cast<std::size_t>(height) * width);  // NOLINT
  constexpr int kStopOnError = 1;
  if (TIFFReadRGBAImageOriented(file.get(), width, height, raster.get(), ORIENTATION_TOPLEFT, kStopOnError) ==
      0) {
    fail("{}: corrupt TIFF: {}", name, printable(source.reason.data()));
  }
  return {to_rgb(raster.get(), static_cast<int>(height), static_cast<int>(width),
                 has_grey_beside_alpha(file.get())),
          orientation};
}

}  // namespace medisyn
