#include "medisyn/pipeline/text_to_image.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/types.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "medisyn/core/error.h"
#include "medisyn/core/memory.h"
#include "medisyn/diffusion/guidance.h"
#include "medisyn/models/frozen_copy.h"

namespace medisyn {
namespace {

/// What all requests of a batch share.
auto batch_key(const ImageRequest& request) {
  return std::make_tuple(request.size.width, request.size.height, request.scale, request.guidance_rescale,
                         request.sampler.sampler, request.sampler.steps, request.sampler.eta);
}

/// The noise of a batch: each image draws from a generator of its own, always fp32 on the CPU, so that it
/// sees the same numbers in any batch, on any device and in Python.
class ImageNoise {
 public:
  ImageNoise(std::span<const ImageRequest> requests, std::vector<std::int64_t> shape)
      : shape_(std::move(shape)) {
    for (const ImageRequest& request : requests) {
      generators_.push_back(at::make_generator<at::CPUGeneratorImpl>(request.seed));
    }
  }

  /// The next draw of every image, [B, C, h, w] on the CPU.
  torch::Tensor operator()() {
    std::vector<torch::Tensor> draws;
    for (at::Generator& generator : generators_) {
      draws.push_back(torch::randn(shape_, generator, torch::kFloat));
    }
    return torch::cat(draws);
  }

 private:
  std::vector<std::int64_t> shape_;  ///< 1, C, h, w
  std::vector<at::Generator> generators_;
};

/// SDXL's micro-conditioning (Podell et al., 2023, https://arxiv.org/abs/2307.01952, section 2.2): a picture
/// that was neither enlarged nor cropped. [1, 6]
torch::Tensor time_ids(const PixelSize& size) {
  const auto height = static_cast<float>(size.height), width = static_cast<float>(size.width);
  return torch::tensor({{height, width, 0.0F, 0.0F, height, width}});
}

}  // namespace

std::vector<std::vector<std::size_t>> plan_batches(const std::vector<ImageRequest>& requests,
                                                   std::int64_t batch) {
  TORCH_CHECK(batch >= 1, "batch ", batch);
  std::vector<std::vector<std::size_t>> batches;
  std::map<decltype(batch_key(requests.front())), std::size_t> open;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto [place, is_new] = open.emplace(batch_key(requests[i]), batches.size());
    if (is_new || batches[place->second].size() == static_cast<std::size_t>(batch)) {
      place->second = batches.size();
      batches.emplace_back();
    }
    batches[place->second].push_back(i);
  }
  return batches;
}

TextToImage::TextToImage(StableDiffusion model, torch::Device device, torch::ScalarType dtype,
                         VaeTiling tiling, Recorder recorder)
    : model_(std::move(model)),
      device_(device),
      dtype_(dtype),
      encoder_(model_, device),
      decoder_(model_.vae, device, dtype, tiling),
      unet_(model_.unet, std::move(recorder)) {
  model_.text_encoder->to(device_, dtype_);
  if (model_.second) {
    model_.second->text_encoder->to(device_, dtype_);
    model_.second->text_encoder->eval();
  }
  model_.unet->to(device_, dtype_);
  prepare_for_inference(*model_.unet);
  model_.text_encoder->eval();
  model_.unet->eval();
  give_back_free_memory();
}

PixelSize TextToImage::default_size() const {
  const auto& latent = model_.unet->config().sample_size;
  if (!latent) {
    fail("the model's unet/config.json has no sample_size: give the images' size with --size WIDTHxHEIGHT");
  }
  const std::int64_t side = *latent * model_.vae->config().downsampling();
  return {.width = side, .height = side};
}

void TextToImage::check_size(const PixelSize& size, const std::string& where) const {
  const auto halvings = static_cast<std::int64_t>(model_.unet->config().block_out_channels.size()) - 1;
  const std::int64_t step = model_.vae->config().downsampling() << halvings;
  if (size.width < step || size.height < step || size.width % step != 0 || size.height % step != 0) {
    fail("{}: expected a width and height that are multiples of {} pixels for this model, found {}", where,
         step, format_size(size));
  }
}

/// Mapped from a file, they are read again for the next new prompt; the pictures need the memory more.
void TextToImage::release_text_encoders() const {
  if (model_.is_as_read) {
    release_weights(*model_.text_encoder);
    if (model_.second) {
      release_weights(*model_.second->text_encoder);
    }
  }
}

Conditions TextToImage::conditions(const Wording& wording) {
  std::vector<PromptEmbedding> embeddings;
  for (const auto& negative : wording.negatives) {
    embeddings.push_back(encoder_.encode_negative(negative));
  }
  for (const std::string& text : wording.texts) {
    embeddings.push_back(encoder_.encode(text));
  }
  release_text_encoders();
  std::vector<torch::Tensor> tokens, pooled;
  for (const PromptEmbedding& embedding : embeddings) {
    tokens.push_back(embedding.tokens);
    pooled.push_back(embedding.pooled);
  }
  if (!model_.second) {
    return {.tokens = torch::stack(tokens), .added = {}};
  }
  const auto ids = time_ids({.width = wording.width, .height = wording.height}).to(device_);
  return {.tokens = torch::stack(tokens),
          .added = {.text_embeds = torch::stack(pooled),
                    .time_ids = ids.expand({static_cast<std::int64_t>(embeddings.size()), -1})}};
}

void TextToImage::start_batch(std::span<const ImageRequest> requests) {
  const ImageRequest& first = requests.front();
  Wording wording{.texts = {}, .negatives = {}, .width = first.size.width, .height = first.size.height};
  for (const ImageRequest& request : requests) {
    wording.texts.push_back(request.text);
    if (needs_guidance(first.scale)) {
      wording.negatives.push_back(request.negative);
    }
  }
  if (wording != wording_) {
    wording_.reset();  // until the U-Net has them
    unet_.start(conditions(wording));
    wording_ = std::move(wording);
  }
}

DenoiseFn TextToImage::denoiser(std::span<const ImageRequest> requests) {
  const double scale = requests.front().scale, rescale = requests.front().guidance_rescale;
  const bool guided = needs_guidance(scale);
  start_batch(requests);
  return [this, scale, rescale, guided](const torch::Tensor& x, double t) {
    const auto input =
        (guided ? torch::cat({x, x}) : x).to(dtype_).contiguous(torch::MemoryFormat::ChannelsLast);
    const auto prediction = unet_.step(input, t).to(torch::kFloat);
    if (!guided) {
      return prediction;
    }
    const auto halves = prediction.chunk(2);
    return rescale_guidance(guide(halves[0], halves[1], scale), halves[1], rescale);
  };
}

std::optional<ImageBatch> TextToImage::draw(std::span<const ImageRequest> requests, std::int64_t batch,
                                            const StepFn& keep_going) {
  TORCH_CHECK(!requests.empty() && static_cast<std::int64_t>(requests.size()) <= batch, "a batch of ",
              requests.size(), " requests for ", batch, " places");
  const torch::InferenceMode guard;
  std::vector<ImageRequest> whole(requests.begin(), requests.end());
  whole.resize(static_cast<std::size_t>(batch), whole.back());

  const ImageRequest& first = whole.front();
  const NoiseSchedule schedule(config_of_sampler(model_.scheduler, first.sampler.sampler));
  const std::int64_t factor = model_.vae->config().downsampling();
  ImageNoise noise(whole, {1, model_.vae->config().latent_channels, first.size.height / factor,
                           first.size.width / factor});
  const auto on_device = [&] { return noise().to(device_); };
  const auto latents =
      sample_latents(denoiser(whole), on_device(), schedule, first.sampler, on_device, keep_going);
  if (!latents.defined()) {
    return std::nullopt;
  }
  give_back_free_memory();  // the U-Net's, before the VAE asks for larger pieces
  const auto kept = latents.slice(0, 0, static_cast<std::int64_t>(requests.size()));
  ImageBatch drawn{.latents = kept.to(torch::kCPU).contiguous(),
                   .images = decoder_.decode(kept).to(torch::kCPU).contiguous()};
  give_back_free_memory();
  return drawn;
}

}  // namespace medisyn
