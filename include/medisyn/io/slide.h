// Whole slides of pathology (SVS, NDPI, MRXS, tiled TIFF and what else OpenSlide reads).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "medisyn/io/image.h"

namespace medisyn {

/// The finest level (level 0).
struct SlideInfo {
  std::int64_t height = 0;
  std::int64_t width = 0;
  double microns_per_pixel = 0;  ///< the mean of both directions; 0: the file does not say
};

/// An open slide; squares of it are decoded when asked for, by several threads at once if need be. After an
/// undecodable tile the slide gives errors only.
class Slide {
 public:
  /// Error naming the file: missing, no slide, damaged, without a size.
  explicit Slide(const std::filesystem::path& path);
  ~Slide();
  Slide(const Slide&) = delete;
  Slide& operator=(const Slide&) = delete;

  const SlideInfo& info() const;

  /// The square of `side` x `side` level-0 pixels whose upper left corner is (`top`, `left`), as `pixels` x
  /// `pixels`: decoded from the coarsest level that is at least as fine as asked for, then resized with
  /// antialias. Where the slide is transparent (never scanned) the picture is white. Error naming the file: a
  /// square that reaches beyond the slide, one that needs more than kMaxImagePixels at its level, undecodable
  /// tiles.
  Image read(std::int64_t top, std::int64_t left, std::int64_t side, int pixels) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace medisyn
