// Decoded and resized pictures of files, kept in memory: later epochs, and later runs over the same images,
// do not decode again.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "medisyn/io/image.h"
#include "medisyn/io/image_source.h"

namespace medisyn {

class PictureCache {
 public:
  /// Squares of `pixels`; `fit` as in ClassifierConfig. Keeps the first pictures that are asked for, up to
  /// `bytes` in all.
  PictureCache(std::int64_t pixels, std::string fit, std::int64_t bytes);

  /// [pixels, pixels, 3]. Any thread; two that ask for a new picture at once may both decode it. Error naming
  /// the file when it is missing or corrupt.
  std::shared_ptr<const Image> get(const ImageSource& source);

  std::int64_t pixels() const { return pixels_; }
  const std::string& fit() const { return fit_; }
  std::int64_t decoded() const;  ///< pictures so far

 private:
  Image decode(const ImageSource& source) const;

  std::int64_t pixels_;
  std::string fit_;
  std::int64_t room_;  ///< pictures that are kept at most
  std::int64_t decoded_ = 0;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const Image>> kept_;
};

}  // namespace medisyn
