#include "medisyn/features/extractor.h"

#include <torch/types.h>

#include <limits>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/io/image.h"
#include "medisyn/models/efficientnet_lite0.h"
#include "medisyn/models/hf_folder.h"

namespace medisyn {
namespace {

Image gradient(int height, int width, int shift) {
  Image image{height, width, {}};
  for (int i = 0; i < height * width * 3; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>((i * 7 + shift) % 256));
  }
  return image;
}

TEST(Extractor, UnknownNamesAndMissingWeightsAreNamed) {
  EXPECT_ERROR(load_extractor("inception", "x", torch::kCPU),
               "--extractor inception: expected one of efficientnet_lite0");
  EXPECT_ERROR(load_extractor("efficientnet_lite0", "", torch::kCPU), "--weights FILE.safetensors");
  EXPECT_ERROR(load_extractor("efficientnet_lite0", "none.safetensors", torch::kCPU), "none.safetensors");
}

TEST(Extractor, FeaturesDoNotDependOnTheBatch) {
  set_quiet(true);
  const fs::path folder = fresh_folder();
  torch::manual_seed(1);
  EfficientNetLite0 model;
  save_parameters(folder / "w.safetensors", *model);
  const Extractor extractor = load_extractor("efficientnet_lite0", folder / "w.safetensors", torch::kCPU);
  EXPECT_EQ(extractor.weights_sha256, sha256_file(folder / "w.safetensors"));
  std::vector<fs::path> files;
  for (int i = 0; i < 3; ++i) {
    files.push_back(folder / (std::to_string(i) + ".png"));
    write_file(files.back(), encode_png(gradient(40 + i, 64, 50 * i)));
  }
  const torch::Tensor all = extract_features(extractor, files, "test", torch::kCPU);
  ASSERT_EQ(all.sizes(), (torch::IntArrayRef{3, 1280}));
  for (std::size_t i = 0; i < files.size(); ++i) {
    const torch::Tensor one = extract_features(extractor, {files[i]}, "test", torch::kCPU);
    EXPECT_TRUE(torch::allclose(all[static_cast<std::int64_t>(i)], one[0], 1e-4, 1e-5));
  }
  EXPECT_FALSE(torch::equal(all[0], all[1]));
  EXPECT_EQ(describe(extractor)["resize"], "to 224 x 224, bicubic, antialiased, as PIL");
  Extractor damaged = extractor;
  damaged.features = [](const torch::Tensor& images) {
    return torch::full({images.size(0), 1280}, std::numeric_limits<float>::quiet_NaN());
  };
  EXPECT_ERROR(extract_features(damaged, files, "test", torch::kCPU), "0.png: its features are not finite");
  write_file(folder / "broken.png", "no picture");
  EXPECT_ERROR(extract_features(extractor, {folder / "broken.png"}, "test", torch::kCPU), "broken.png");
  set_quiet(false);
}

}  // namespace
}  // namespace medisyn
