// What `medisyn generate` draws and the folder it draws into.
//
//   plan      prompts and options -> one request and one row of metadata.jsonl an image
//   folder    00000.png ..., metadata.jsonl, config.yaml; a run that was broken off is known by
//   request_sha256
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"
#include "medisyn/pipeline/text_to_image.h"
#include "medisyn/text/prompts.h"

namespace medisyn {

/// What a prompt leaves open, and what holds for the whole run.
struct GenerationOptions {
  std::string sampler;
  std::int64_t steps = 50;
  double scale = 7.5;
  double eta = 0;
  std::string negative;
  std::int64_t n = 1;
  std::uint32_t seed = 0;
  PixelSize size;
  bool unconditional =
      false;  ///< draw every prompt as the empty one; the rows keep the text that was asked for
  bool save_latents = false;
  bool strip_metadata = false;
};

/// One image.
struct PlannedImage {
  ImageRequest request;
  Json row;                ///< its line of metadata.jsonl
  std::size_t prompt = 0;  ///< which prompt of the list, from 0
};

/// Every image in prompt order: image k of a prompt has its seed + k. Prompts without a seed take
/// options.seed, lines of a manifest count on from it instead: a thousand captions must not share one noise.
/// Error when a seed passes 2^32 - 1.
std::vector<PlannedImage> plan_images(const std::vector<Prompt>& prompts, const GenerationOptions& options,
                                      const std::string& model_hash);

/// The output folder of one run, which may have been broken off.
class GenerationFolder {
 public:
  /// Makes the folder, or finds in it the beginning of the same run, known by `identity` in its config.yaml.
  /// Error when it holds another run. `config` becomes config.yaml.
  GenerationFolder(std::filesystem::path folder, std::vector<PlannedImage> images, Json config,
                   const std::string& identity, bool save_latents, bool strip_metadata);

  /// True when every image of the batch is there whole, and its latents where they are asked for.
  bool has_batch(const std::vector<std::size_t>& batch) const;

  /// Writes a batch: images [B, 3, H, W] that are finite as PNG, the others are kept in mind by name.
  void write_batch(const std::vector<std::size_t>& batch, const ImageBatch& drawn);

  /// Writes metadata.jsonl of the images that are there.
  void write_metadata() const;

  /// Merges the latents of all batches into latents.safetensors, [N, C, h, w] in the order of the images.
  void write_latents(const std::vector<std::vector<std::size_t>>& batches) const;

  /// Writes contact_sheet.png of the first images of the first prompts. Nothing when no image is there.
  void write_contact_sheet() const;

  const std::filesystem::path& path() const { return folder_; }
  const std::vector<PlannedImage>& images() const { return images_; }
  std::size_t found() const { return found_; }  ///< images that were there at the start
  const std::vector<std::string>& broken() const {
    return broken_;
  }  ///< file names of images with NaN or infinity

 private:
  std::filesystem::path image_path(std::size_t i) const;
  std::filesystem::path latents_path(const std::vector<std::size_t>& batch) const;
  void remove_leftovers() const;

  std::filesystem::path folder_;
  std::optional<OutputFolder> claimed_;  ///< of a run that begins
  std::vector<PlannedImage> images_;
  bool save_latents_;
  bool strip_metadata_;
  std::size_t found_ = 0;
  std::vector<std::string> broken_;
};

}  // namespace medisyn
