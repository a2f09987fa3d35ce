#include "medisyn/pipeline/text_to_image.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/types.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "medisyn/core/error.h"
#include "medisyn/diffusion/guidance.h"

namespace medisyn {
namespace {

/// Text embeddings that are kept: half a gigabyte of Stable Diffusion's 77 x 768 floats.
constexpr std::size_t kKeptEmbeddings = 2048;

/// What all requests of a batch share.
auto batch_key(const ImageRequest& request) {
  return std::make_tuple(request.size.width, request.size.height, request.scale, request.sampler.sampler,
                         request.sampler.steps, request.sampler.eta);
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

TextToImage::TextToImage(StableDiffusion model, torch::Device device, torch::ScalarType dtype)
    : model_(std::move(model)),
      device_(device),
      dtype_(dtype),
      vae_dtype_(dtype == torch::kHalf && model_.vae->config().force_upcast ? torch::kFloat : dtype) {
  model_.text_encoder->to(device_, dtype_);
  model_.unet->to(device_, dtype_);
  model_.vae->to(device_, vae_dtype_);
  to_channels_last(*model_.unet);
  to_channels_last(*model_.vae);
  model_.text_encoder->eval();
  model_.unet->eval();
  model_.vae->eval();
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

torch::Tensor TextToImage::embedding(const std::string& text) {
  if (const auto found = embeddings_.find(text); found != embeddings_.end()) {
    return found->second;
  }
  if (embeddings_.size() >= kKeptEmbeddings) {
    embeddings_.clear();
  }
  const auto ids = torch::tensor(model_.tokenizer.encode_padded(text), torch::kLong).unsqueeze(0).to(device_);
  return embeddings_.emplace(text, model_.text_encoder.forward(ids).squeeze(0)).first->second;
}

torch::Tensor TextToImage::embeddings(std::span<const ImageRequest> requests, bool negative) {
  std::vector<torch::Tensor> rows;
  for (const ImageRequest& request : requests) {
    rows.push_back(embedding(negative ? request.negative : request.text));
  }
  return torch::stack(rows);
}

DenoiseFn TextToImage::denoiser(std::span<const ImageRequest> requests) {
  const double scale = requests.front().scale;
  const bool guided = needs_guidance(scale);
  const auto conditional = embeddings(requests, false);
  const auto text = guided ? torch::cat({embeddings(requests, true), conditional}) : conditional;
  return [this, scale, guided, text](const torch::Tensor& x, std::int64_t t) {
    const auto input =
        (guided ? torch::cat({x, x}) : x).to(dtype_).contiguous(torch::MemoryFormat::ChannelsLast);
    const auto timesteps = torch::full({input.size(0)}, t, torch::dtype(torch::kLong).device(device_));
    const auto prediction = model_.unet->forward(input, timesteps, text).to(torch::kFloat);
    if (!guided) {
      return prediction;
    }
    const auto halves = prediction.chunk(2);
    return guide(halves[0], halves[1], scale);
  };
}

torch::Tensor TextToImage::decode(const torch::Tensor& latents) {
  const auto scaled = (latents / model_.vae->config().scaling_factor).to(vae_dtype_);
  return model_.vae->decode(scaled.contiguous(torch::MemoryFormat::ChannelsLast));
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
  const auto kept = static_cast<std::int64_t>(requests.size());
  const auto images = decode(latents);
  const auto taken = [&](const torch::Tensor& tensor) {
    return tensor.slice(0, 0, kept).to(torch::kCPU, torch::kFloat).contiguous();
  };
  return ImageBatch{.latents = taken(latents), .images = taken(images)};
}

}  // namespace medisyn
