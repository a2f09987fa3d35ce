// Low-rank adaptation (LoRA): linear layers keep their weight W, and a small update of it is trained.
//
//   W [out, in] ─────────────────────────────── + ─ weight that the layer uses
//   B [out, rank] A [rank, in] ─ * alpha / rank ┘
//
// Hu et al., 2021, https://arxiv.org/abs/2106.09685, section 4.1. PEFT adds B A x to W x; here the weights
// are added before the forward pass, so that a layer is no slower than without. Under bf16 autocast the sum
// is rounded to bf16, as the weights of a full training are.
//
// The file, pytorch_lora_weights.safetensors, is diffusers' own (save_lora_weights, load_lora_weights):
//   unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight   [rank, in]
//   unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.lora_B.weight   [out, rank]
//   header: lora_adapter_metadata, the JSON of {"unet.r", "unet.lora_alpha", "unet.target_modules"}: keyword
//   arguments of peft.LoraConfig. Without them a reader takes alpha for the rank.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "medisyn/models/lora_config.h"
#include "medisyn/nn/layers.h"

namespace medisyn {

class LoraAdapters {
 public:
  /// Finds the layers by name, as PEFT does, and freezes all the model's own parameters. A is uniform in
  /// +-1 / sqrt(in), from a generator of the seed and the layer's name, and B zero (PEFT's defaults); both
  /// are fp32, on the device that the model is on and stays on. Error when a target is the end of no layer's
  /// name, or of a layer that is not linear. Not for a model that went through prepare_for_inference().
  LoraAdapters(torch::nn::Module& model, const LoraConfig& config, std::uint64_t seed);

  LoraAdapters(const LoraAdapters&) = delete;
  LoraAdapters& operator=(const LoraAdapters&) = delete;

  /// A and B of each layer in the model's order, named as PEFT names them: LAYER.lora_A.weight,
  /// LAYER.lora_B.weight.
  std::vector<std::pair<std::string, torch::Tensor>> parameters() const;

  /// Sets the weight that each layer uses to W + alpha / rank B A: before each forward pass, since a backward
  /// pass uses up its graph to A and B. That pass holds the gradients of all merged weights until its end,
  /// those of recomputed blocks (nn/recompute.h) until the block's. While a WithMergedLora lives there is
  /// nothing to do, and gradients must be off. W, the registered parameter, is not touched.
  void merge();

  /// Lets the layers use W again.
  void unmerge();

  const LoraConfig& config() const { return config_; }

  /// pytorch_lora_weights.safetensors of a pipeline whose U-Net has these adapters.
  void save(const std::filesystem::path& folder) const;

 private:
  friend class WithMergedLora;
  struct Layer {
    std::string name;
    std::shared_ptr<LinearImpl> linear;
    torch::Tensor base;  ///< W [out, in], the registered parameter
    torch::Tensor a;     ///< [rank, in]
    torch::Tensor b;     ///< [out, rank]
    torch::Tensor kept;  ///< the values of W while the parameter has merged ones, else undefined
  };

  bool is_registered() const { return layers_.front().kept.defined(); }
  torch::Tensor merged_weight(const Layer& layer) const;
  void register_merged();
  void register_base();

  LoraConfig config_;
  std::vector<Layer> layers_;  ///< at least one
};

/// For the length of a scope the registered parameters hold the merged weights: what saves, exports or counts
/// a model's parameters sees the adapted model. Then they get back the very memory that W lies in, and the
/// layers use W until the next merge(). Meanwhile there are both W and the merged weights of these layers.
class WithMergedLora {
 public:
  explicit WithMergedLora(LoraAdapters& adapters) : adapters_(adapters) { adapters_.register_merged(); }
  ~WithMergedLora() { adapters_.register_base(); }
  WithMergedLora(const WithMergedLora&) = delete;
  WithMergedLora& operator=(const WithMergedLora&) = delete;

 private:
  LoraAdapters& adapters_;
};

/// One pytorch_lora_weights.safetensors for all adapted components of a pipeline: {{"unet", &of_unet},
/// {"text_encoder", &of_text_encoder}}. The folder is made when it is not there.
void save_lora_weights(const std::filesystem::path& folder,
                       const std::map<std::string, const LoraAdapters*>& components);

}  // namespace medisyn
