// The same pictures, weights and features in pytorch_fid, torch_fidelity and by clean-fid's recipe
// (scripts/parity_fid.py).
#include <gtest/gtest.h>
#include <torch/types.h>

#include "../fresh_folder.h"
#include "../peers.h"
#include "medisyn/core/log.h"
#include "medisyn/eval/fid.h"
#include "medisyn/eval/neighbourhoods.h"
#include "medisyn/eval/statistics_file.h"
#include "medisyn/features/extractor.h"
#include "medisyn/io/safetensors.h"

namespace medisyn {
namespace {

constexpr double kLevel = 1.0 / 255;
constexpr std::int64_t kPictures = 6;

class FidParity : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    set_quiet(true);
    if (peers_python().empty()) {
      return;
    }
    folder() = fresh_folder();
    const Moments ours = {torch::arange(3, torch::kDouble) / 4, torch::eye(3, torch::kDouble) * 2, 10};
    write_statistics(folder() / "ours.npz", {ours, {{"extractor", "none"}}});
    ASSERT_EQ(run_peer("parity_fid.py", folder()), 0);
    reference() = Safetensors(folder() / "reference.safetensors").all();
  }
  static void TearDownTestSuite() {
    reference().clear();
    fs::remove_all(folder());
  }
  void SetUp() override {
    if (reference().empty()) {
      GTEST_SKIP() << "scripts/setup_peers.sh makes the environment of the reference libraries";
    }
  }

  static fs::path& folder() {
    static fs::path folder;
    return folder;
  }
  static TensorMap& reference() {
    static TensorMap tensors;
    return tensors;
  }
  static double number(const char* name) { return reference().at(name).item<double>(); }

  static fs::path picture(std::int64_t i) { return folder() / fmt::format("{}.png", i); }
};

TEST_F(FidParity, ResizesAndFeaturesOfEachMode) {
  std::vector<ImageSource> pictures;
  for (std::int64_t i = 0; i < kPictures; ++i) {
    pictures.emplace_back(picture(i));
  }
  for (const std::string& mode : inception_modes()) {
    const Extractor extractor = load_extractor("inception", folder() / "weights.pth", torch::kCPU, mode);
    const torch::Tensor expected = reference().at("prepared." + mode);
    for (std::int64_t i = 0; i < kPictures; ++i) {
      torch::Tensor found = torch::empty({299, 299, 3});
      prepare(read_image(picture(i)), extractor.preparation, 299, found.data_ptr<float>());
      const double difference = (found - expected[i]).abs().max().item<double>();
      EXPECT_LT(difference, kLevel / 50) << mode << ", picture " << i;
    }
    const torch::Tensor features = extract_features(extractor, pictures, "test", torch::kCPU);
    const torch::Tensor theirs = reference().at("features." + mode);
    const torch::Tensor errors = (features - theirs).norm(2, 1) / theirs.norm(2, 1);
    std::printf("%s: features differ by %.1e of their length, the largest value by %.1e of the largest\n",
                mode.c_str(), errors.max().item<double>(),
                ((features - theirs).abs().max() / theirs.abs().max()).item<double>());
    EXPECT_LT(errors.max().item<double>(), 1e-5) << mode;
    EXPECT_LT(((features - theirs).abs().max() / theirs.abs().max()).item<double>(), 1e-5) << mode;
  }
}

TEST_F(FidParity, ModesDiffer) {
  const TensorMap& found = reference();
  EXPECT_FALSE(torch::allclose(found.at("features.pytorch-fid"), found.at("features.clean-fid"), 1e-2, 1e-3));
  EXPECT_FALSE(
      torch::allclose(found.at("features.pytorch-fid"), found.at("features.torch-fidelity"), 1e-2, 1e-3));
}

TEST_F(FidParity, BothFormatsOfTheWeightsAreTheSame) {
  const Extractor old = load_extractor("inception", folder() / "legacy.pth", torch::kCPU);
  const Extractor present = load_extractor("inception", folder() / "weights.pth", torch::kCPU);
  const torch::Tensor image = torch::full({1, 3, 299, 299}, 0.3);
  const torch::InferenceMode inference;
  EXPECT_TRUE(torch::equal(old.features(image), present.features(image)));
}

TEST_F(FidParity, DistancesOfGivenFeatures) {
  const torch::Tensor real = reference().at("real");
  const torch::Tensor generated = reference().at("generated");
  const double fid = number("fid");
  EXPECT_NEAR(frechet_distance(statistics_of(real), statistics_of(generated)), fid, 1e-6 * fid);
  const double kid = number("kid");
  EXPECT_NEAR(kernel_distance(real.narrow(0, 0, 600), generated, 1, 600, 0).mean, kid, 1e-6 * std::abs(kid));
  for (const std::int64_t k : {3, 5}) {
    const Neighbourhoods found = neighbourhoods(real, generated, k);
    EXPECT_NEAR(found.precision, number(fmt::format("precision.{}", k).c_str()), 1e-6);
    EXPECT_NEAR(found.recall, number(fmt::format("recall.{}", k).c_str()), 1e-6);
  }
}

TEST_F(FidParity, StatisticsThatTheyWrote) {
  const Moments real = moments_of(statistics_of(reference().at("real")));
  for (const char* name : {"real.npz", "deflated.npz"}) {
    const StatisticsFile file = read_statistics(folder() / name);
    EXPECT_TRUE(torch::allclose(file.moments.mean, real.mean, 0, 1e-12));
    EXPECT_TRUE(torch::allclose(file.moments.covariance, real.covariance, 0, 1e-12));
    EXPECT_TRUE(file.description.is_null());
    EXPECT_EQ(file.moments.count, 0);
  }
}

}  // namespace
}  // namespace medisyn
