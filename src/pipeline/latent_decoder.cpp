#include "medisyn/pipeline/latent_decoder.h"

#include <c10/core/Allocator.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <fstream>
#include <limits>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

constexpr std::int64_t kGpuPixels = 4 * 512 * 512;  ///< decoded at once on a GPU: enough to keep it busy
constexpr double kTileOverlap = 0.25;               ///< of a tile, as diffusers

/// Memory that a CPU program may still take: MemAvailable of Linux.
double available_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  for (std::string word; meminfo >> word;) {
    if (word == "MemAvailable:") {
      double kibibytes = 0;
      meminfo >> kibibytes;
      return kibibytes * 1024;
    }
  }
  return std::numeric_limits<double>::infinity();
}

bool is_finite(const torch::Tensor& tensor) { return torch::isfinite(tensor).all().item<bool>(); }

/// Fades the start of `b` in over the end of `a` along a dimension, in place.
void blend(const torch::Tensor& a, const torch::Tensor& b, std::int64_t dim, std::int64_t extent) {
  extent = std::min({extent, a.size(dim), b.size(dim)});
  std::vector<std::int64_t> shape(static_cast<std::size_t>(b.dim()), 1);
  shape[static_cast<std::size_t>(dim)] = extent;
  const auto weight = (torch::arange(extent, b.options()) / static_cast<double>(extent)).view(shape);
  const auto start = b.narrow(dim, 0, extent);
  start.copy_(a.narrow(dim, a.size(dim) - extent, extent) * (1 - weight) + start * weight);
}

}  // namespace

VaeTiling parse_vae_tiling(const std::string& name) {
  if (name == "auto") {
    return VaeTiling::kAuto;
  }
  if (name == "always") {
    return VaeTiling::kAlways;
  }
  if (name == "never") {
    return VaeTiling::kNever;
  }
  fail("--vae-tiling {}: expected auto, always or never", name);
}

LatentDecoder::LatentDecoder(AutoencoderKL vae, torch::Device device, torch::ScalarType dtype,
                             VaeTiling tiling)
    : vae_(std::move(vae)),
      device_(device),
      dtype_(dtype == torch::kHalf && vae_->config().force_upcast ? torch::kFloat : dtype),
      tiling_(tiling) {
  vae_->drop_encoder();
  vae_->to(device_, dtype_);
  prepare_for_inference(*vae_);
  vae_->eval();
}

torch::Tensor LatentDecoder::decode(const torch::Tensor& latents) {
  const std::int64_t factor = vae_->config().downsampling();
  const std::int64_t pixels = latents.size(2) * latents.size(3) * factor * factor;
  const std::int64_t at_once = device_.is_cpu() ? 1 : std::max<std::int64_t>(1, kGpuPixels / pixels);
  std::vector<torch::Tensor> images;
  for (const torch::Tensor& part : latents.split(at_once)) {
    images.push_back(decode_part(part / vae_->config().scaling_factor).to(torch::kFloat));
    if (dtype_ == torch::kHalf && is_finite(part) && !is_finite(images.back())) {
      upcast_images_ += part.size(0);
      convert(torch::kFloat);
      images.back() = decode_part(part / vae_->config().scaling_factor);
      convert(torch::kHalf);  // gives the same weights again
    }
  }
  return torch::cat(images);
}

void LatentDecoder::convert(torch::ScalarType dtype) {
  const torch::InferenceMode off(false);  // parameters stay ordinary tensors
  vae_->to(dtype);
}

torch::Tensor LatentDecoder::decode_part(const torch::Tensor& latents) {
  const auto dtype = vae_->parameters().front().scalar_type();
  return decode_whole_or_tiled(latents.to(dtype).contiguous(torch::MemoryFormat::ChannelsLast));
}

torch::Tensor LatentDecoder::decode_whole_or_tiled(const torch::Tensor& latents) {
  const std::int64_t tile = vae_->config().sample_size / vae_->config().downsampling();
  const bool is_large = latents.size(2) > tile || latents.size(3) > tile;
  if (is_large && (tiling_ == VaeTiling::kAlways || !fits(latents))) {
    return decode_tiled(latents);
  }
  try {
    return vae_->decode(latents);
  } catch (const c10::OutOfMemoryError&) {  // of CUDA's allocator, which then holds what was there before
    if (!is_large || tiling_ == VaeTiling::kNever) {
      throw;
    }
  }
  return decode_tiled(latents);
}

/// The widest layers at full resolution: two up-sampled inputs of block_out_channels[1] and their outputs.
bool LatentDecoder::fits(const torch::Tensor& latents) const {
  if (tiling_ != VaeTiling::kAuto || !device_.is_cpu()) {
    return true;
  }
  const std::vector<std::int64_t>& channels = vae_->config().block_out_channels;
  const double width =
      static_cast<double>(2 * channels[std::min<std::size_t>(1, channels.size() - 1)] + channels[0]);
  const std::int64_t factor = vae_->config().downsampling();
  const auto pixels =
      static_cast<double>(latents.size(0) * latents.size(2) * latents.size(3) * factor * factor);
  return pixels * width * static_cast<double>(latents.element_size()) < available_bytes();
}

torch::Tensor LatentDecoder::decode_tiled(const torch::Tensor& latents) {
  tiled_images_ += latents.size(0);
  const std::int64_t pixels = vae_->config().sample_size, side = pixels / vae_->config().downsampling();
  const auto stride = static_cast<std::int64_t>(static_cast<double>(side) * (1 - kTileOverlap));
  const auto overlap = static_cast<std::int64_t>(static_cast<double>(pixels) * kTileOverlap);
  std::vector<torch::Tensor> above, rows;
  for (std::int64_t y = 0; y < latents.size(2); y += stride) {
    std::vector<torch::Tensor> tiles, kept;
    for (std::int64_t x = 0; x < latents.size(3); x += stride) {
      const auto tile = vae_->decode(latents.slice(2, y, y + side).slice(3, x, x + side));
      if (!above.empty()) {
        blend(above[tiles.size()], tile, 2, overlap);
      }
      if (!tiles.empty()) {
        blend(tiles.back(), tile, 3, overlap);
      }
      tiles.push_back(tile);
      kept.push_back(tile.slice(2, 0, pixels - overlap).slice(3, 0, pixels - overlap));
    }
    rows.push_back(torch::cat(kept, 3));
    above = std::move(tiles);
  }
  return torch::cat(rows, 2);
}

}  // namespace medisyn
