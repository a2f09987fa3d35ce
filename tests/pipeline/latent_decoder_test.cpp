// Decoding in pieces: image by image, in tiles, and again in fp32 where fp16 breaks.
#include "medisyn/pipeline/latent_decoder.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "../expect_error.h"
#include "tiny_model.h"

namespace medisyn {
namespace {

AutoencoderKL tiny_vae(bool force_upcast = true) {
  at::set_num_threads(1);  // two threads would spend their time on waiting for each other
  AutoencoderKLConfig config = tiny_vae_config();
  config.force_upcast = force_upcast;
  return random_component<AutoencoderKL>(config, 3);
}

double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

class LatentDecoding : public testing::Test {
 protected:
  torch::NoGradGuard guard_;
  torch::Tensor latents_ = torch::randn({3, 4, 8, 8}, at::make_generator<at::CPUGeneratorImpl>(5));
};

TEST_F(LatentDecoding, ImagesOneByOneAreThoseOfTheBatch) {
  AutoencoderKL vae = tiny_vae();
  LatentDecoder decoder(vae, torch::kCPU, torch::kFloat, VaeTiling::kAuto);
  const auto images = decoder.decode(latents_);
  EXPECT_EQ(images.sizes(), (std::vector<std::int64_t>{3, 3, 32, 32}));
  EXPECT_LT(largest_difference(images, vae->decode(latents_ / vae->config().scaling_factor)), 1e-5);
  EXPECT_TRUE(torch::equal(images.slice(0, 1, 2), decoder.decode(latents_.slice(0, 1, 2))));
}

TEST_F(LatentDecoding, TilesCoverLargeImagesOfAnySizeAndLeaveSmallOnesAlone) {
  LatentDecoder tiled(tiny_vae(), torch::kCPU, torch::kFloat, VaeTiling::kAlways);
  LatentDecoder whole(tiny_vae(), torch::kCPU, torch::kFloat, VaeTiling::kNever);
  EXPECT_TRUE(torch::equal(tiled.decode(latents_), whole.decode(latents_)));
  EXPECT_EQ(tiled.tiled_images(), 0);
  for (const auto& [height, width] :
       std::vector<std::pair<std::int64_t, std::int64_t>>{{9, 8}, {8, 23}, {20, 13}}) {
    const auto large = torch::randn({2, 4, height, width});
    EXPECT_EQ(tiled.decode(large).sizes(), whole.decode(large).sizes()) << height << "x" << width;
  }
  EXPECT_EQ(tiled.tiled_images(), 6);
  EXPECT_EQ(whole.tiled_images(), 0);
}

TEST_F(LatentDecoding, TheFirstTileIsItsOwnPictureBeforeTheOverlap) {
  LatentDecoder tiled(tiny_vae(), torch::kCPU, torch::kFloat, VaeTiling::kAlways);
  const auto large = torch::randn({1, 4, 16, 16});
  const auto first = tiled.decode(large.slice(2, 0, 8).slice(3, 0, 8)).slice(2, 0, 24).slice(3, 0, 24);
  EXPECT_LT(largest_difference(tiled.decode(large).slice(2, 0, 24).slice(3, 0, 24), first), 1e-6);
}

TEST_F(LatentDecoding, WhatOverflowsInHalfIsDecodedAgainInFloat) {
  LatentDecoder half(tiny_vae(false), torch::kCPU, torch::kHalf, VaeTiling::kAuto);
  LatentDecoder full(tiny_vae(false), torch::kCPU, torch::kFloat, VaeTiling::kAuto);
  torch::Tensor latents = latents_.clone();
  const torch::InferenceMode as_text_to_image_does;
  latents[1] *= 30000;  // beyond fp16's 65504 within the VAE
  const auto images = half.decode(latents);
  EXPECT_TRUE(torch::isfinite(images).all().item<bool>());
  EXPECT_EQ(half.upcast_images(), 1);
  EXPECT_LT(largest_difference(images, full.decode(latents)), 0.05);
  EXPECT_TRUE(torch::equal(half.decode(latents_), half.decode(latents_))) << "back in fp16";
  EXPECT_EQ(half.upcast_images(), 1);
  latents[1][0][0][0] = std::numeric_limits<float>::quiet_NaN();
  half.decode(latents);
  EXPECT_EQ(half.upcast_images(), 1) << "a broken latent is not the VAE's fault";
}

TEST(VaeTiling, Names) {
  EXPECT_EQ(parse_vae_tiling("always"), VaeTiling::kAlways);
  EXPECT_ERROR(parse_vae_tiling("yes"), "--vae-tiling yes: expected auto, always or never");
}

}  // namespace
}  // namespace medisyn
