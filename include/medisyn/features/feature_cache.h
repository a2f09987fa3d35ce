// Features on disk, by what the image's bytes are and how the features were made.
//
//   DIR/inception-0123456789abcdef/description.json   extractor, weights' hash, resize, normalisation
//   DIR/inception-0123456789abcdef/ab/cd...f32        of the image with SHA-256 abcd...: D values, fp32,
//   little
//                                                     endian
//
// The folder's number is the hash of the description: features of other weights or another resize are others.
#pragma once

#include <filesystem>
#include <string>

#include "medisyn/features/extractor.h"

namespace medisyn {

class FeatureCache {
 public:
  FeatureCache(const std::filesystem::path& folder, const Extractor& extractor);

  /// The D values of an image; false when there are none, or the file is not whole.
  bool read(const std::string& image_sha256, float* row) const;

  /// Any number of processes may write at once.
  void write(const std::string& image_sha256, const float* row) const;

 private:
  std::filesystem::path file_of(const std::string& image_sha256) const;

  std::filesystem::path folder_;
  std::size_t bytes_;
};

}  // namespace medisyn
