// Drawing: the same picture whatever the batch, guidance, samplers, sizes.
#include "medisyn/pipeline/text_to_image.h"

#include <gmock/gmock.h>
#include <torch/types.h>

#include "../expect_error.h"
#include "medisyn/core/files.h"
#include "tiny_model.h"

namespace medisyn {
namespace {

using testing::ElementsAre;

const fs::path kMerges = fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt";
/// One step of 8 bits where images span -1..1.
constexpr double kOneGreyLevel = 2.0 / 255;

TextToImage pipeline(torch::ScalarType dtype = torch::kFloat) {
  return TextToImage(tiny_model(kMerges), torch::kCPU, dtype);
}

std::vector<ImageRequest> requests(std::size_t count, const std::string& sampler = "ddim", double eta = 0) {
  const std::vector<std::string> texts{"CT of the lung", "a mole", "MRI"};
  std::vector<ImageRequest> list;
  for (std::size_t i = 0; i < count; ++i) {
    list.push_back({.text = texts[i % texts.size()],
                    .negative = "",
                    .seed = static_cast<std::uint32_t>(100 + i),
                    .scale = 4,
                    .size = {.width = 32, .height = 32},
                    .sampler = {.sampler = sampler, .steps = 5, .eta = eta}});
  }
  return list;
}

/// All images, in order, [N, 3, H, W].
torch::Tensor draw_all(TextToImage& drawer, const std::vector<ImageRequest>& list, std::int64_t batch) {
  std::vector<torch::Tensor> images(list.size());
  for (const auto& members : plan_batches(list, batch)) {
    std::vector<ImageRequest> chosen;
    for (const std::size_t i : members) {
      chosen.push_back(list[i]);
    }
    const auto drawn = drawer.draw(chosen, batch)->images;
    for (std::size_t k = 0; k < members.size(); ++k) {
      images[members[k]] = drawn[static_cast<std::int64_t>(k)];
    }
  }
  return torch::stack(images);
}

double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(TextToImage, ShapesAndTypes) {
  auto drawer = pipeline();
  auto list = requests(2);
  list[0].size = list[1].size = {.width = 48, .height = 32};
  const auto batch = drawer.draw(list, 3);
  EXPECT_EQ(batch->latents.sizes(), (std::vector<std::int64_t>{2, 4, 8, 12}));
  EXPECT_EQ(batch->images.sizes(), (std::vector<std::int64_t>{2, 3, 32, 48}));
  EXPECT_EQ(batch->images.scalar_type(), torch::kFloat);
  EXPECT_FALSE(batch->images.requires_grad());
}

TEST(TextToImage, SameRequestsGiveTheSameBytes) {
  auto a = pipeline(), b = pipeline();
  const auto list = requests(5, "pndm");
  EXPECT_TRUE(torch::equal(draw_all(a, list, 3), draw_all(b, list, 3)));
}

TEST(TextToImage, BatchSizeDoesNotChangeThePicture) {
  auto drawer = pipeline();
  for (const auto& [sampler, eta] : std::vector<std::pair<std::string, double>>{
           {"pndm", 0}, {"ddim", 1}, {"euler", 0}, {"euler_a", 0}, {"ddpm", 0}, {"dpmpp_2m", 0}}) {
    const auto list = requests(8, sampler, eta);
    const auto one = draw_all(drawer, list, 1);
    for (const std::int64_t batch : {3, 8}) {
      EXPECT_LT(largest_difference(draw_all(drawer, list, batch), one), kOneGreyLevel)
          << sampler << " " << batch;
    }
    EXPECT_GT(largest_difference(one[0], one[3]), kOneGreyLevel) << "another seed is another picture";
  }
}

TEST(TextToImage, NoiseOfAnImageIsThatOfItsSeedAlone) {
  auto drawer = pipeline();
  // With the noise of both images the same, so are the pictures of the same prompt, wherever they stand.
  auto list = requests(3);
  list[2].text = list[0].text;
  list[2].seed = list[0].seed;
  const auto images = drawer.draw(list, 3)->images;
  EXPECT_LT(largest_difference(images[0], images[2]), 1e-4);
}

TEST(TextToImage, GuidanceAndNegativePrompt) {
  auto drawer = pipeline();
  const auto draw_one = [&](double scale, const std::string& text, const std::string& negative) {
    auto list = requests(1);
    list[0].scale = scale;
    list[0].text = text;
    list[0].negative = negative;
    return drawer.draw(list, 1)->latents;
  };
  EXPECT_TRUE(torch::equal(draw_one(1, "CT", ""), draw_one(1, "CT", "blurred")))
      << "no unconditional pass at scale 1";
  EXPECT_GT(largest_difference(draw_one(4, "CT", ""), draw_one(4, "CT", "blurred")), 1e-4);
  EXPECT_GT(largest_difference(draw_one(4, "CT", ""), draw_one(1, "CT", "")), 1e-4);
  EXPECT_LT(largest_difference(draw_one(4, "CT", "CT"), draw_one(1, "CT", "")), 1e-4)
      << "guided away from itself";
}

TEST(TextToImage, GuidanceRescaleActsOnlyWhereThereIsGuidance) {
  auto drawer = pipeline();
  const auto draw_one = [&](double scale, double rescale) {
    auto list = requests(1);
    list[0].scale = scale;
    list[0].guidance_rescale = rescale;
    return drawer.draw(list, 1)->latents;
  };
  EXPECT_TRUE(torch::equal(draw_one(1, 0), draw_one(1, 0.7)));
  EXPECT_GT(largest_difference(draw_one(4, 0), draw_one(4, 0.7)), 1e-4);
}

TEST(TextToImage, StopsWhenAsked) {
  auto drawer = pipeline();
  int asked = 0;
  EXPECT_FALSE(drawer.draw(requests(1), 1, [&] { return ++asked < 3; }).has_value());
  EXPECT_EQ(asked, 3);
}

TEST(TextToImage, BrainFloatIsNearAndFinite) {
  auto fp32 = pipeline(), bf16 = pipeline(torch::kBFloat16);
  const auto list = requests(2);
  const auto a = draw_all(fp32, list, 2), b = draw_all(bf16, list, 2);
  EXPECT_TRUE(torch::isfinite(b).all().item<bool>());
  EXPECT_LT((a - b).abs().mean().item<double>(), 0.05);
}

TEST(TextToImage, ModelWithoutSampleSizeNeedsASize) {
  StableDiffusion model = tiny_model(kMerges);
  UNet2DConditionConfig config = tiny_unet_config();
  config.sample_size.reset();
  model.unet = UNet2DConditionModel(config);
  EXPECT_ERROR(TextToImage(model, torch::kCPU, torch::kFloat).default_size(), "--size");
  EXPECT_EQ(pipeline().default_size(), (PixelSize{.width = 32, .height = 32}));
}

TEST(TextToImage, RefusesSizesThatCannotBeHalved) {
  const auto drawer = pipeline();
  drawer.check_size({.width = 8, .height = 16}, "--size");
  EXPECT_ERROR(drawer.check_size({.width = 36, .height = 32}, "p.txt:3"),
               "p.txt:3: expected a width and height that "
               "are multiples of 8 pixels");
}

TEST(PlanBatches, GroupsBySettingsInOrder) {
  auto list = requests(7);
  list[2].scale = list[5].scale = 1;
  list[4].guidance_rescale = 0.5;
  EXPECT_THAT(plan_batches(list, 2),
              ElementsAre(ElementsAre(0, 1), ElementsAre(2, 5), ElementsAre(3, 6), ElementsAre(4)));
  EXPECT_THAT(plan_batches(requests(3), 8), ElementsAre(ElementsAre(0, 1, 2)));
  EXPECT_TRUE(plan_batches({}, 2).empty());
}

}  // namespace
}  // namespace medisyn
