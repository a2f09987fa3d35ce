// The layout of a single file, as the authors of Stable Diffusion published it (CompVis, Stability AI): all
// components in one state dict, under names of their own.
//
//   model.diffusion_model.*                  U-Net: input_blocks, middle_block, output_blocks
//   first_stage_model.*                      VAE
//   cond_stage_model.transformer.*           SD 1.x: CLIP under transformers' names
//   cond_stage_model.model.*                 SD 2.x: OpenCLIP's names
//   conditioner.embedders.{0.transformer,1.model}.*   SDXL: both
//
// Source: CompVis/stable-diffusion, ldm/modules/diffusionmodules/openaimodel.py and model.py; open_clip,
// transformer.py; diffusers, loaders/single_file_utils.py.
#pragma once

#include <string>

#include "medisyn/io/safetensors.h"
#include "medisyn/models/component.h"

namespace medisyn {

enum class SingleFileKind { kSD1, kSD2, kSDXL };

/// Which model a single file holds. Error naming `file` when its keys are none of theirs.
SingleFileKind single_file_kind(const TensorMap& tensors, const std::string& file);

/// The part of a single file that is the component `name` ("unet", "vae", "text_encoder", "text_encoder_2"),
/// under the component's own names. `component` says what is looked for. Error naming `file` for a tensor
/// that is missing, has another shape, or stands under the component's prefix and belongs to nothing.
TensorMap from_single_file(const TensorMap& tensors, SingleFileKind kind, const std::string& name,
                           const Component& component, const std::string& file);

/// The inverse: adds a component's tensors to `tensors`. Error for SD 2.x, whose last text layer a Hugging
/// Face folder does not hold.
void add_to_single_file(TensorMap& tensors, SingleFileKind kind, const std::string& name,
                        const Component& component);

/// The number of tensors that stand under no component's prefix, such as the moving averages `model_ema.*`.
std::size_t tensors_beside_components(const TensorMap& tensors, SingleFileKind kind);

}  // namespace medisyn
