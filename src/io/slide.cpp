#include "medisyn/io/slide.h"

#include <fmt/format.h>
#include <openslide.h>
#include <tiffio.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/io/resize.h"

namespace medisyn {
namespace {

// OpenSlide decodes whole tiles and ends the process where memory for one is lacking.
constexpr std::int64_t kMaxTilePixels = 1 << 26;

/// One resolution of a slide.
struct Level {
  std::int64_t height = 0;
  std::int64_t width = 0;
  double downsample = 1;  ///< level-0 pixels a pixel
};

/// 0 when there is no such property, or no positive number in it.
double number_property(openslide_t* slide, const char* name) {
  const char* text = openslide_get_property_value(slide, name);
  double value = 0;
  if (text == nullptr || std::from_chars(text, text + std::strlen(text), value).ec != std::errc()) {
    return 0;
  }
  return std::isfinite(value) && value > 0 ? value : 0;
}

/// libtiff's lines about damaged files; OpenSlide gives its reason in the Error.
void silence_libtiff() {
  static const bool is_silent = [] {
    TIFFSetErrorHandler(nullptr);
    TIFFSetWarningHandler(nullptr);
    return true;
  }();
  static_cast<void>(is_silent);
}

double microns_per_pixel(openslide_t* slide) {
  const double x = number_property(slide, OPENSLIDE_PROPERTY_NAME_MPP_X);
  const double y = number_property(slide, OPENSLIDE_PROPERTY_NAME_MPP_Y);
  return x > 0 && y > 0 ? (x + y) / 2 : std::max(x, y);
}

}  // namespace

struct Slide::State {
  explicit State(const fs::path& path);

  void check() const {
    if (const char* error = openslide_get_error(slide.get())) {
      std::string line(error);
      std::replace(line.begin(), line.end(), '\n', ' ');
      fail("{}: damaged slide: {}", name, line);
    }
  }
  void check_tiles(int level) const;
  const Level& level_for(double downsample) const;
  int number_of(const Level& level) const { return static_cast<int>(&level - levels.data()); }

  std::string name;
  std::unique_ptr<openslide_t, void (*)(openslide_t*)> slide{nullptr, openslide_close};
  std::vector<Level> levels;
  SlideInfo info;
};

Slide::State::State(const fs::path& path) : name(path.string()) {
  require_file(path, "a slide");
  silence_libtiff();
  slide.reset(openslide_open(path.c_str()));
  if (!slide) {
    fail(
        "{}: expected a whole slide (SVS, NDPI, MRXS, SCN, tiled TIFF, ...), found none that OpenSlide knows",
        name);
  }
  check();
  const int count = openslide_get_level_count(slide.get());
  for (int i = 0; i < count; ++i) {
    Level level;
    openslide_get_level_dimensions(slide.get(), i, &level.width, &level.height);
    level.downsample = openslide_get_level_downsample(slide.get(), i);
    check_tiles(i);
    levels.push_back(level);
  }
  check();
  if (levels.empty() || levels[0].height <= 0 || levels[0].width <= 0) {
    fail("{}: damaged slide: it has no size", name);
  }
  info = {levels[0].height, levels[0].width, microns_per_pixel(slide.get())};
}

void Slide::State::check_tiles(int level) const {
  const double height =
      number_property(slide.get(), fmt::format("openslide.level[{}].tile-height", level).c_str());
  const double width =
      number_property(slide.get(), fmt::format("openslide.level[{}].tile-width", level).c_str());
  if (height * width > static_cast<double>(kMaxTilePixels)) {
    fail("{}: its header claims tiles of {} x {} pixels; at most {} are read", name, width, height,
         kMaxTilePixels);
  }
}

/// The coarsest level that is at least as fine.
const Level& Slide::State::level_for(double downsample) const {
  const Level* best = levels.data();
  for (const Level& level : levels) {
    // 1001 / 4 -> 250 pixels is a downsample of 4.004.
    const double rounding = 1 + 1.0 / static_cast<double>(std::min(level.height, level.width));
    if (level.downsample <= downsample * rounding && level.downsample > best->downsample) {
      best = &level;
    }
  }
  return *best;
}

namespace {

/// Premultiplied 0xAARRGGBB over white.
Image over_white(const std::vector<std::uint32_t>& argb, int side) {
  Image image{side, side, {}};
  image.pixels.reserve(argb.size() * 3);
  for (const std::uint32_t pixel : argb) {
    const std::uint32_t white = 255 - (pixel >> 24);
    for (const int shift : {16, 8, 0}) {
      image.pixels.push_back(static_cast<std::uint8_t>(std::min(255U, ((pixel >> shift) & 255U) + white)));
    }
  }
  return image;
}

}  // namespace

Slide::Slide(const fs::path& path) : state_(std::make_unique<State>(path)) {}
Slide::~Slide() = default;

const SlideInfo& Slide::info() const { return state_->info; }

Image Slide::read(std::int64_t top, std::int64_t left, std::int64_t side, int pixels) const {
  const SlideInfo& whole = state_->info;
  if (top < 0 || left < 0 || side <= 0 || side > whole.height || side > whole.width ||
      top > whole.height - side || left > whole.width - side) {
    fail(
        "{}: a square of {} pixels at row {}, column {} reaches beyond the slide of {} x {} (width x height)",
        state_->name, side, top, left, whole.width, whole.height);
  }
  if (pixels <= 0 || pixels > kMaxImagePixels / pixels) {
    fail("{}: expected a picture of 1 to {} pixels, found a side of {}", state_->name, kMaxImagePixels,
         pixels);
  }
  const Level& level = state_->level_for(static_cast<double>(side) / pixels);
  constexpr double kRounding = 1e-6;
  const auto extent = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(static_cast<double>(side) / level.downsample + kRounding));
  if (extent > kMaxImagePixels / extent) {
    fail("{}: a square of {} pixels needs {} x {} at its level; at most {} are read: smaller squares, please",
         state_->name, side, extent, extent, kMaxImagePixels);
  }
  std::vector<std::uint32_t> argb(static_cast<std::size_t>(extent * extent));
  openslide_read_region(state_->slide.get(), argb.data(), left, top, state_->number_of(level), extent,
                        extent);
  state_->check();
  return resize(over_white(argb, static_cast<int>(extent)), pixels, pixels);
}

}  // namespace medisyn
