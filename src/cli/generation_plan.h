// Prompts and options -> one request and one row of metadata.jsonl an image.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/run_record.h"
#include "medisyn/pipeline/text_to_image.h"
#include "medisyn/text/prompts.h"

namespace medisyn {

/// Values that each prompt is drawn with instead of its own: --sweep scale=1.5,3 steps=20,50. Empty: its own.
struct Sweep {
  std::vector<double> scales = {};
  std::vector<std::int64_t> steps = {};

  bool is_empty() const { return scales.empty() && steps.empty(); }
};

/// "scale=1.5,3", "steps=20,50", each at most once. Error for anything else.
Sweep parse_sweep(const std::vector<std::string>& words);

/// What a prompt leaves open, and what holds for the whole run.
struct GenerationOptions {
  std::string sampler;
  std::int64_t steps = 50;
  double scale = 7.5;
  double guidance_rescale = 0;
  double eta = 0;
  std::optional<std::string> negative;  ///< none: as PromptEncoder::encode_negative() says
  std::int64_t n = 1;
  std::uint32_t seed = 0;
  PixelSize size;
  Sweep sweep;
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
  std::size_t grid =
      0;  ///< which image of all prompts, from 0: those of a sweep differ in scale and steps alone
};

/// Every image in prompt order: image k of a prompt has its seed + k. Prompts without a seed take
/// options.seed, lines of a manifest count on from it instead: a thousand captions must not share one noise.
/// A sweep draws each image with all its values, scales running fastest. Error when a seed passes 2^32 - 1.
std::vector<PlannedImage> plan_images(const std::vector<Prompt>& prompts, const GenerationOptions& options,
                                      const std::string& model_hash);

}  // namespace medisyn
