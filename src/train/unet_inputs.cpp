#include "medisyn/train/unet_inputs.h"

#include <algorithm>
#include <numeric>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/core/progress.h"
#include "medisyn/core/random_key.h"
#include "medisyn/models/frozen_copy.h"

namespace medisyn {
namespace {

constexpr std::int64_t kLatentsPerShard = 512;
constexpr std::int64_t kCaptionsPerShard = 256;
constexpr std::int64_t kAtATime = 8;  ///< images that are encoded at once for the cache

std::int64_t image_pixels(const StableDiffusion& model) {
  return model.unet->config().sample_size.value_or(64) * model.vae->config().downsampling();
}

std::string hash_of(const torch::Tensor& tensor) {
  const torch::Tensor bytes = tensor.detach().cpu().contiguous();
  return sha256_hex({static_cast<const char*>(bytes.const_data_ptr()), bytes.nbytes()});
}

/// One for everything that a module's outputs depend on.
std::string hash_of(const Json& config, const torch::nn::Module& module, torch::ScalarType dtype) {
  std::string all = fmt::format("{} {}", config.dump(), c10::toString(dtype));
  for (const auto& [name, tensor] : state_dict(module)) {
    all += fmt::format("\n{} {}", name, hash_of(tensor));
  }
  return sha256_hex(all);
}

std::string key_of(const std::string& everything) { return sha256_hex(everything).substr(0, 16); }

/// What tells an image from another of its name: the manifest's hash of it, or its file's size and time, with
/// its place in a shard.
std::string identity_of(const ImageDataset& dataset, std::int64_t index) {
  const Record& record = dataset.record(index);
  if (!record.sha256.empty()) {
    return record.sha256;
  }
  const ImageSource source = dataset.source(index);
  std::error_code error;
  const auto size = fs::file_size(source.file, error);
  if (error) {
    fail("{}: cannot be read: {}", source.name(), error.message());
  }
  const auto time = fs::last_write_time(source.file).time_since_epoch().count();
  const std::string place = source.is_part() ? fmt::format(" {} {}", source.begin, source.bytes) : "";
  return fmt::format("{} {}{}", size, time, place);
}

std::string latents_key(const ImageDataset& dataset, const std::string& vae) {
  std::string all = fmt::format("{} {} pixels", vae, dataset.image_pixels());
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    all += fmt::format("\n{:?} {}", dataset.record(i).id, identity_of(dataset, i));
  }
  return key_of(all);
}

std::string captions_key(const CaptionTable& table, const StableDiffusion& model, torch::ScalarType dtype) {
  const Json config{{"class", model.text_encoder.class_name()}};
  std::string all = hash_of(config, *model.text_encoder, dtype) + hash_of(table.ids);
  if (model.second) {
    const auto& second = model.second->text_encoder;
    all += hash_of(config_to_json(second->config()), *second, dtype) + hash_of(table.second_ids);
  }
  return key_of(all);
}

/// Tensors of several pieces, one after the other.
TensorMap joined(const std::vector<TensorMap>& pieces) {
  TensorMap result;
  for (const auto& [name, first] : pieces.front()) {
    std::vector<torch::Tensor> parts;
    for (const TensorMap& piece : pieces) {
      parts.push_back(piece.at(name));
    }
    result[name] = torch::cat(parts);
  }
  return result;
}

/// Pieces of at most kAtATime rows of first .. last - 1.
TensorMap in_pieces(std::int64_t first, std::int64_t last, const ShardedRows::MakeFn& make) {
  std::vector<TensorMap> pieces;
  for (std::int64_t begin = first; begin < last; begin += kAtATime) {
    pieces.push_back(make(begin, std::min(begin + kAtATime, last)));
  }
  return joined(pieces);
}

AutoencoderKL frozen_encoder(const AutoencoderKL& vae, torch::Device device, torch::ScalarType dtype) {
  AutoencoderKL encoder = shallow_copy(vae);
  encoder->drop_decoder();
  return frozen(std::move(encoder), device, dtype);
}

}  // namespace

UnetInputs::UnetInputs(const TrainConfig& config, const StableDiffusion& model, torch::Device device)
    : config_(config),
      device_(device),
      dtype_(dtype_of(config.precision)),
      vae_config_(model.vae->config()),
      num_train_timesteps_(model.scheduler.num_train_timesteps),
      is_xl_(model.second.has_value()),
      train_(training_records(config), image_pixels(model)),
      held_out_(held_out_records(config), image_pixels(model)),
      captions_({&train_, &held_out_}, model),
      vae_(frozen_encoder(model.vae, device, dtype_)),
      text_(std::make_unique<CaptionEncoder>(model, config.train_text_encoder, device, config.precision)) {
  if (!config.cache.folder) {
    return;
  }
  if (config.train_text_encoder && config.cache.captions) {
    fail(
        "cache.captions: the text encoder is trained, and what it made of the captions before would be wrong "
        "after the first step: set cache.captions: false (the images' latents are cached all the same)");
  }
  const fs::path folder = *config.cache.folder;
  const std::string vae = hash_of(config_to_json(vae_config_), *model.vae, dtype_);
  const auto latents = [&](const ImageDataset& dataset) {
    return ShardedRows(folder / fmt::format("latents-{}", latents_key(dataset, vae)), dataset.size(),
                       kLatentsPerShard);
  };
  train_latents_ = latents(train_);
  held_out_latents_ = latents(held_out_);
  if (config.cache.captions) {
    caption_rows_ = ShardedRows(folder / fmt::format("captions-{}", captions_key(captions_, model, dtype_)),
                                captions_.size(), kCaptionsPerShard);
  }
}

bool UnetInputs::fill(const ShardedRows& rows, const char* what, const Rank& rank,
                      const ShardedRows::MakeFn& make, const std::function<bool()>& keep_going) const {
  const std::int64_t missing = rows.missing_rows(rank);
  if (missing == 0) {
    return keep_going();
  }
  log_info("cache: {} {} of {} are encoded", missing, what, rows.size());
  Progress progress("cache", missing, what);
  rows.make_missing(rank, make, [&](std::int64_t done) {
    progress.update(done);
    return keep_going();
  });
  progress.finish();
  return keep_going();
}

bool UnetInputs::make_cache(const Rank& rank, const std::function<bool()>& keep_going) {
  const torch::NoGradGuard no_grad;
  const auto latents_of = [this](const ImageDataset& dataset) {
    return [this, &dataset](std::int64_t first, std::int64_t last) {
      return make_latents(dataset, first, last);
    };
  };
  return fill(*held_out_latents_, "held-out images", rank, latents_of(held_out_), keep_going) &&
         (!caption_rows_ ||
          fill(
              *caption_rows_, "captions", rank,
              [this](std::int64_t first, std::int64_t last) { return make_captions(first, last); },
              keep_going)) &&
         fill(*train_latents_, "images", rank, latents_of(train_), keep_going);
}

TensorMap UnetInputs::make_latents(const ImageDataset& dataset, std::int64_t first, std::int64_t last) {
  return in_pieces(first, last, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::int64_t> indices(static_cast<std::size_t>(end - begin));
    std::iota(indices.begin(), indices.end(), begin);
    const Pictures pictures = dataset.pictures(indices);
    return TensorMap{{"moments", moments_of(pictures.pixels).cpu()}, {"time_ids", pictures.time_ids}};
  });
}

TensorMap UnetInputs::make_captions(std::int64_t first, std::int64_t last) {
  return in_pieces(first, last, [&](std::int64_t begin, std::int64_t end) {
    const TextConditions text = text_->encode(captions_, torch::arange(begin, end));
    TensorMap made{{"tokens", text.tokens.cpu()}};
    if (text.pooled.defined()) {
      made["pooled"] = text.pooled.cpu();
    }
    return made;
  });
}

void UnetInputs::open_cache() {
  train_latents_->open();
  held_out_latents_->open();
  vae_ = nullptr;
  if (caption_rows_) {
    caption_rows_->open();
    text_.reset();
  }
}

std::int64_t UnetInputs::caption_of(const SampleDraw& draw) const {
  if (draw.key("dropout") < config_.caption_dropout * 4294967296.0) {
    return config_.empty_prompt == "zeros" ? kZeros : captions_.row("");
  }
  return captions_.row(train_.record(draw.index).text);
}

/// Uniform over the schedule, from each draw's own key.
torch::Tensor UnetInputs::timesteps(const std::vector<SampleDraw>& draws) const {
  std::vector<std::int64_t> drawn;
  for (const SampleDraw& draw : draws) {
    drawn.push_back(draw.key("timestep") % static_cast<std::uint32_t>(num_train_timesteps_));
  }
  return torch::tensor(drawn);
}

/// Standard normal, with offset_noise as in https://www.crosslabs.org/blog/diffusion-with-offset-noise: a
/// shift of each channel.
torch::Tensor UnetInputs::noise(const std::vector<SampleDraw>& draws) const {
  const std::int64_t side = train_.image_pixels() / vae_config_.downsampling(),
                     channels = vae_config_.latent_channels;
  const torch::Tensor noise = noise_of(draws, "noise", {channels, side, side});
  return config_.offset_noise > 0 ? noise + config_.offset_noise * noise_of(draws, "offset", {channels, 1, 1})
                                  : noise;
}

Batch UnetInputs::load_latents(const ImageDataset& dataset, const std::optional<ShardedRows>& cached,
                               const std::vector<SampleDraw>& draws, bool samples) const {
  Batch batch{{"noise", noise(draws)}, {"timesteps", timesteps(draws)}};
  if (samples) {
    batch["posterior_noise"] = noise_of(draws, "posterior", batch.at("noise").sizes().slice(1));
  }
  if (cached) {
    TensorMap rows = cached->rows(indices_of(draws));
    if (!is_xl_) {
      rows.erase("time_ids");
    }
    batch.insert(rows.begin(), rows.end());
    return batch;
  }
  const Pictures pictures = dataset.pictures(indices_of(draws));
  batch["pixels"] = pictures.pixels;
  if (is_xl_) {
    batch["time_ids"] = pictures.time_ids;
  }
  return batch;
}

void UnetInputs::load_captions(Batch& batch, const torch::Tensor& rows) const {
  if (!caption_rows_) {
    batch["caption_rows"] = rows;
    return;
  }
  const torch::Tensor there = rows.clamp_min(0);
  const TensorMap found =
      caption_rows_->rows({there.data_ptr<std::int64_t>(), there.data_ptr<std::int64_t>() + there.numel()});
  const auto pooled = found.find("pooled");
  const TextConditions text = with_zeros(
      {.tokens = found.at("tokens"), .pooled = pooled == found.end() ? torch::Tensor() : pooled->second},
      rows);
  batch["text_embeddings"] = text.tokens;
  if (text.pooled.defined()) {
    batch["pooled_text_embeddings"] = text.pooled;
  }
}

Batch UnetInputs::load(const std::vector<SampleDraw>& draws) const {
  Batch batch = load_latents(train_, train_latents_, draws, /*samples=*/true);
  std::vector<std::int64_t> rows;
  for (const SampleDraw& draw : draws) {
    rows.push_back(caption_of(draw));
  }
  load_captions(batch, torch::tensor(rows));
  return batch;
}

Batch UnetInputs::load_held_out(std::int64_t first, std::int64_t last) const {
  std::vector<SampleDraw> draws;
  std::vector<std::int64_t> rows;
  for (std::int64_t i = first; i < last; ++i) {
    const Record& record = held_out_.record(i);
    draws.push_back({.index = i, .id_hash = hash_text(record.id)});
    rows.push_back(captions_.row(record.text));
  }
  Batch batch = load_latents(held_out_, held_out_latents_, draws, /*samples=*/false);
  load_captions(batch, torch::tensor(rows));
  return batch;
}

torch::Tensor UnetInputs::moments_of(const torch::Tensor& pixels) {
  const torch::NoGradGuard no_grad;
  return vae_->encode(pixels.to(device_, dtype_).contiguous(torch::MemoryFormat::ChannelsLast)).contiguous();
}

void UnetInputs::encode(Batch& batch) {
  if (const auto rows = batch.extract("caption_rows")) {
    const TextConditions text = text_->encode(captions_, rows.mapped());
    if (config_.train_text_encoder) {
      batch["input_ids"] = captions_.ids.index_select(0, rows.mapped().clamp_min(0));
    }
    batch["text_embeddings"] = text.tokens;
    if (text.pooled.defined()) {
      batch["pooled_text_embeddings"] = text.pooled;
    }
  }
  if (const auto pixels = batch.extract("pixels")) {
    batch["moments"] = moments_of(pixels.mapped());
  }
  for (auto& [name, tensor] : batch) {
    tensor = tensor.to(device_);
  }
  const DiagonalGaussian posterior(batch.extract("moments").mapped().to(torch::kFloat));
  const auto noise = batch.extract("posterior_noise");
  batch["latents"] =
      (noise ? posterior.sample(noise.mapped()) : posterior.mode()) * vae_config_.scaling_factor;
}

}  // namespace medisyn
