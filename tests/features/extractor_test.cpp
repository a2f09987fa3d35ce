#include "medisyn/features/extractor.h"

#include <torch/types.h>
#include <thread>

#include <limits>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/features/feature_cache.h"
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

/// Three pictures, one of them twice, and an extractor with random weights.
class Extraction : public testing::Test {
 protected:
  void SetUp() override {
    set_quiet(true);
    folder_ = fresh_folder();
    torch::manual_seed(1);
    EfficientNetLite0 model;
    save_parameters(folder_ / "w.safetensors", *model);
    extractor_ = load_extractor("efficientnet_lite0", folder_ / "w.safetensors", torch::kCPU);
    for (int i = 0; i < 4; ++i) {
      files_.push_back(folder_ / (std::to_string(i) + ".png"));
      write_file(files_.back().file, encode_png(gradient(40 + i % 3, 64, 50 * (i % 3))));
    }
  }
  void TearDown() override { set_quiet(false); }

  torch::Tensor extract(const Extractor& extractor, const ExtractionOptions& options = {}) const {
    return extract_features(extractor, files_, "test", torch::kCPU, options);
  }

  fs::path folder_;
  Extractor extractor_;
  std::vector<ImageSource> files_;
};

TEST(Extractor, UnknownNamesAndMissingWeightsAreNamed) {
  EXPECT_ERROR(load_extractor("incepton", "x", torch::kCPU),
               "--extractor incepton: expected one of inception, efficientnet_lite0, resnet50, biomedclip, clip");
  EXPECT_ERROR(load_extractor("efficientnet_lite0", "", torch::kCPU), "--weights FILE.safetensors");
  EXPECT_ERROR(load_extractor("inception", "none.pth", torch::kCPU), "none.pth");
  EXPECT_ERROR(load_extractor("inception", "x", torch::kCPU, "cleanfid"),
               "--mode cleanfid: expected one of pytorch-fid, clean-fid, torch-fidelity");
  EXPECT_ERROR(load_extractor("resnet50", "x", torch::kCPU, "clean-fid"), "which has one way alone");
}

TEST_F(Extraction, DoesNotDependOnTheBatch) {
  EXPECT_EQ(extractor_.weights_sha256, sha256_file(folder_ / "w.safetensors"));
  const torch::Tensor all = extract(extractor_);
  ASSERT_EQ(all.sizes(), (torch::IntArrayRef{4, 1280}));
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const torch::Tensor one = extract_features(extractor_, {files_[i]}, "test", torch::kCPU);
    EXPECT_TRUE(torch::allclose(all[static_cast<std::int64_t>(i)], one[0], 1e-4, 1e-5));
  }
  EXPECT_FALSE(torch::equal(all[0], all[1]));
  EXPECT_EQ(describe(extractor_)["resize"], "to 224 x 224, bicubic, antialiased, as PIL");
  EXPECT_EQ(describe(extractor_)["mode"], "efficientnet_lite0");
}

TEST_F(Extraction, NamesImagesThatAreBroken) {
  Extractor damaged = extractor_;
  damaged.features = [](const torch::Tensor& images) {
    return torch::full({images.size(0), 1280}, std::numeric_limits<float>::quiet_NaN());
  };
  EXPECT_ERROR(extract(damaged), "0.png: its features are not finite");
  write_file(folder_ / "broken.png", "no picture");
  EXPECT_ERROR(extract_features(extractor_, {folder_ / "broken.png"}, "test", torch::kCPU), "broken.png");
}

TEST_F(Extraction, TakesFromTheCacheWhatIsThere) {
  const ExtractionOptions cached = {.cache = folder_ / "cache"};
  const torch::Tensor first = extract(extractor_, cached);
  EXPECT_TRUE(torch::equal(first, extract(extractor_)));
  Extractor counting = extractor_;
  std::int64_t asked = 0;
  counting.features = [&](const torch::Tensor& images) {
    asked += images.size(0);
    return extractor_.features(images);
  };
  EXPECT_TRUE(torch::equal(extract(counting, cached), first));
  EXPECT_EQ(asked, 0);

  // Another picture, and one whose file in the cache is cut short.
  write_file(files_[1].file, encode_png(gradient(50, 50, 9)));
  const std::string hash = sha256_file(files_[2].file);
  const FeatureCache cache(folder_ / "cache", extractor_);
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "cache")) {
    if (entry.path().filename().string() == hash.substr(2) + ".f32") {
      fs::resize_file(entry.path(), 100);
    }
  }
  std::vector<float> row(1280);
  EXPECT_FALSE(cache.read(hash, row.data()));
  const torch::Tensor second = extract(counting, cached);
  EXPECT_EQ(asked, 2);
  EXPECT_TRUE(torch::allclose(second[2], first[2], 1e-5, 1e-6));
  EXPECT_TRUE(torch::equal(second[3], first[3]));
  EXPECT_FALSE(torch::equal(second[1], first[1]));
  EXPECT_TRUE(cache.read(hash, row.data()));
}

TEST_F(Extraction, EqualPicturesAtOnceMeetInTheCache) {
  const FeatureCache cache(folder_ / "equal", extractor_);
  const std::vector<float> row(1280, 0.5F);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int repeat = 0; repeat < 50; ++repeat) {
        cache.write(std::string(64, 'a'), row.data());
      }
    });
  }
  threads.clear();
  std::vector<float> found(1280);
  ASSERT_TRUE(cache.read(std::string(64, 'a'), found.data()));
  EXPECT_EQ(found, row);
}

TEST_F(Extraction, ACacheOfAnotherResizeIsNotUsed) {
  const ExtractionOptions cached = {.cache = folder_ / "cache"};
  const torch::Tensor first = extract(extractor_, cached);
  Extractor other = extractor_;
  other.preparation = Preparation::kTorchFidelity;
  EXPECT_FALSE(torch::equal(extract(other, cached), first));
  EXPECT_ERROR(FeatureCache(files_[0].file, extractor_), "cannot be made");
}

}  // namespace
}  // namespace medisyn
