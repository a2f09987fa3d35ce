// The folder that `medisyn generate` draws into: 00000.png ..., metadata.jsonl, config.yaml; a run that was
// broken off is known by request_sha256.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "generation_plan.h"
#include "medisyn/core/files.h"

namespace medisyn {

/// The output folder of one run, which may have been broken off.
class GenerationFolder {
 public:
  /// Makes the folder, or finds in it the beginning of the same run (of another rank, perhaps), known by
  /// `identity` in its config.yaml. Error when it holds another run. `config` becomes config.yaml.
  GenerationFolder(std::filesystem::path folder, std::vector<PlannedImage> images, const Json& config,
                   const std::string& identity, bool save_latents, bool strip_metadata);

  bool has_image(std::size_t i) const;  ///< whole
  std::filesystem::path image_path(std::size_t i) const;

  /// True when every image of the batch is there whole, and its latents where they are asked for.
  bool has_batch(const std::vector<std::size_t>& batch) const;

  /// Writes a batch: images [B, 3, H, W] that are finite as PNG, the others are kept in mind by name.
  void write_batch(const std::vector<std::size_t>& batch, const ImageBatch& drawn);

  /// Writes metadata.jsonl of the images that are there.
  void write_metadata() const;

  /// Merges the latents of all batches into latents.safetensors, [N, C, h, w] in the order of the images.
  void write_latents(const std::vector<std::vector<std::size_t>>& batches) const;

  /// Removes what killed runs left half-written. Only when no other rank writes.
  void remove_leftovers() const;

  const std::filesystem::path& path() const { return folder_; }
  const std::vector<PlannedImage>& images() const { return images_; }
  std::size_t found() const { return found_; }  ///< images that were there at the start

  /// File names of images with NaN or infinity.
  const std::vector<std::string>& broken() const { return broken_; }

 private:
  std::filesystem::path latents_path(const std::vector<std::size_t>& batch) const;
  bool claim(const Json& config, const std::string& identity);

  std::filesystem::path folder_;
  std::optional<OutputFolder> claimed_;  ///< of a run that begins
  std::vector<PlannedImage> images_;
  bool save_latents_;
  bool strip_metadata_;
  std::size_t found_ = 0;
  std::vector<std::string> broken_;
};

}  // namespace medisyn
