// What a step of a U-Net's training sees, from images and texts to tensors.
//
//   load(), on threads that read ahead     image ─ pixels ─┐   or, with a cache,  moments ─ latents
//                                          text ─ row ─────┤                      row ─ text_embeddings
//                                          key ─ noise, timestep, dropout, posterior noise
//   encode(), on the device                pixels ─ VAE ─ moments ─ latents;  row ─ text encoder ─
//   text_embeddings
//
// A batch then holds latents [B, C, h, w] (a posterior sample times the VAE's scaling factor), noise [B, C,
// h, w], timesteps [B] and text_embeddings [B, L, D]; of SDXL also pooled_text_embeddings [B, P] and time_ids
// [B, 6]; when the text encoder is trained, input_ids [B, L].
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "medisyn/dist/ranks.h"
#include "medisyn/train/captions.h"
#include "medisyn/train/latent_cache.h"
#include "medisyn/train/objective.h"

namespace medisyn {

class UnetInputs {
 public:
  /// `model` as it stands on the CPU; its text encoder moves to the device when the config trains it.
  UnetInputs(const TrainConfig& config, const StableDiffusion& model, torch::Device device);

  /// Makes what the cache still lacks, this rank its share. False when keep_going ended it early.
  bool make_cache(const Rank& rank, const std::function<bool()>& keep_going);

  /// From now on latents and captions come out of the cache, and their encoders are gone.
  void open_cache();

  /// The training draws' share of a batch, on the CPU. Any thread may ask.
  Batch load(const std::vector<SampleDraw>& draws) const;

  /// Held-out images first .. last - 1 with noise and timestep fixed by their ids, the posterior's mean and
  /// no dropout.
  Batch load_held_out(std::int64_t first, std::int64_t last) const;

  /// Moves a loaded batch to the device and encodes what is still pixels or rows. Text embeddings have a
  /// graph when the text encoder is trained.
  void encode(Batch& batch);

  const ImageDataset& train() const { return train_; }
  const ImageDataset& held_out() const { return held_out_; }

 private:
  Batch load_latents(const ImageDataset& dataset, const std::optional<ShardedRows>& cached,
                     const std::vector<SampleDraw>& draws, bool samples) const;
  void load_captions(Batch& batch, const torch::Tensor& rows) const;
  std::int64_t caption_of(const SampleDraw& draw) const;
  torch::Tensor noise(const std::vector<SampleDraw>& draws) const;
  torch::Tensor timesteps(const std::vector<SampleDraw>& draws) const;
  torch::Tensor moments_of(const torch::Tensor& pixels);
  TensorMap make_latents(const ImageDataset& dataset, std::int64_t first, std::int64_t last);
  TensorMap make_captions(std::int64_t first, std::int64_t last);
  bool fill(const ShardedRows& rows, const char* what, const Rank& rank, const ShardedRows::MakeFn& make,
            const std::function<bool()>& keep_going) const;

  TrainConfig config_;
  torch::Device device_;
  torch::ScalarType dtype_;  ///< of the frozen encoders
  AutoencoderKLConfig vae_config_;
  std::int64_t num_train_timesteps_;
  bool is_xl_;
  ImageDataset train_;
  ImageDataset held_out_;
  CaptionTable captions_;
  AutoencoderKL vae_{nullptr};
  std::unique_ptr<CaptionEncoder> text_;
  std::optional<ShardedRows> train_latents_;  ///< all three: when there is a cache
  std::optional<ShardedRows> held_out_latents_;
  std::optional<ShardedRows> caption_rows_;
};

}  // namespace medisyn
