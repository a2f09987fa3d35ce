// What one step of a training saw and gave, so that another library can compute it again
// (scripts/parity_training.py does).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "medisyn/train/objective.h"

namespace medisyn {

/// Which part of a training, all counted from 0.
struct StepPart {
  std::int64_t step = 0;
  std::int64_t rank = 0;
  std::int64_t micro = 0;  ///< of the micro-batches whose gradients a step adds up
};

/// Writes RUN/steps/STEP-rankR-microM.safetensors, STEP with four digits: every tensor of the (micro-)batch
/// (of a U-Net: latents times the scaling factor, noise, timesteps, text_embeddings after dropout), loss
/// [], and sample_ids [B] int64, rows of the training images; their ids are a JSON list under sample_ids in
/// the file's metadata.
void dump_step(const std::filesystem::path& run, const StepPart& part, const Batch& batch,
               const std::vector<SampleDraw>& draws, const std::vector<std::string>& ids,
               const torch::Tensor& loss);

}  // namespace medisyn
