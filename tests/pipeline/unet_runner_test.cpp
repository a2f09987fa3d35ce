#include "medisyn/pipeline/unet_runner.h"

#include "../expect_error.h"
#include "tiny_model.h"

namespace medisyn {
namespace {

UNet2DConditionModel tiny_unet() {
  auto unet = random_component<UNet2DConditionModel>(tiny_unet_config(), 5);
  unet->eval();
  return unet;
}

Conditions random_text(std::int64_t batch, std::uint64_t seed) {
  torch::manual_seed(seed);
  return {.tokens = torch::randn({batch, 7, tiny_unet_config().cross_attention_dim.front()}), .added = {}};
}

torch::Tensor random_sample(std::int64_t batch, std::uint64_t seed) {
  torch::manual_seed(seed);
  return torch::randn({batch, tiny_unet_config().in_channels, 8, 8});
}

/// A recorder for a CPU that counts, and does on replay what was given to it.
struct Counts {
  int recorded = 0, replayed = 0;

  Recorder recorder() {
    return [this](const std::function<void()>& run) {
      ++recorded;
      return [this, run] {
        ++replayed;
        run();
      };
    };
  }
};

void expect_steps(UNetRunner& runner, UNet2DConditionModel& unet, const Conditions& text, int steps) {
  runner.start(text);
  std::vector<torch::Tensor> results, expected;
  for (int step = 0; step < steps; ++step) {
    const torch::Tensor sample = random_sample(text.tokens.size(0), 100 + static_cast<std::uint64_t>(step));
    const double t = 900.0 - 100 * step;
    results.push_back(runner.step(sample, t));
    expected.push_back(unet->forward(sample, torch::full({sample.size(0)}, t), text.tokens));
  }
  for (std::size_t i = 0; i < results.size(); ++i) {  // at the end: no result is written over
    EXPECT_TRUE(torch::equal(results[i], expected[i])) << "step " << i;
  }
}

TEST(UNetRunner, StepsAreThoseOfTheUNetForEveryBatchWithAndWithoutARecorder) {
  const torch::InferenceMode guard;
  UNet2DConditionModel unet = tiny_unet();
  Counts counts;
  for (const Recorder& recorder : {Recorder(), counts.recorder()}) {
    UNetRunner runner(unet, recorder);
    expect_steps(runner, unet, random_text(2, 1), 4);
    expect_steps(runner, unet, random_text(2, 2), 3);
    expect_steps(runner, unet, random_text(4, 3), 3);
    expect_steps(runner, unet, random_text(2, 1), 2);
  }
  EXPECT_EQ(counts.recorded, 3);              // one for each change of shape
  EXPECT_EQ(counts.replayed, 3 + 2 + 2 + 1);  // all but the first step of each batch
}

TEST(UNetRunner, RecordsOnceMoreForPicturesOfAnotherSize) {
  const torch::InferenceMode guard;
  UNet2DConditionModel unet = tiny_unet();
  Counts counts;
  UNetRunner runner(unet, counts.recorder());
  const Conditions text = random_text(1, 1);
  runner.start(text);
  const torch::Tensor wide = torch::randn({1, tiny_unet_config().in_channels, 8, 16});
  runner.step(random_sample(1, 1), 3);
  runner.step(random_sample(1, 1), 2);
  const torch::Tensor result = runner.step(wide, 1);
  EXPECT_TRUE(torch::equal(result, unet->forward(wide, torch::ones({1}), text.tokens)));
  EXPECT_EQ(counts.recorded, 2);
}

TEST(Context, ReplacedTokensAreReadWhereTheOldOnesWere) {
  const torch::InferenceMode guard;
  torch::manual_seed(0);
  Attention attention(AttentionShape{.width = 8, .context = 6, .heads = 2});
  const torch::Tensor x = torch::randn({1, 5, 8}), first = torch::randn({1, 3, 6}),
                      second = torch::randn({1, 3, 6});
  Context kept = Context::kept(first.clone());
  const auto keys_of = [&] {
    return kept.keys_values(attention.get(), [] { return Context::KeysValues{}; });
  };

  EXPECT_TRUE(torch::equal(attention(x, kept), attention(x, first)));
  const Context::KeysValues old = keys_of();
  kept.replace(second);
  EXPECT_TRUE(torch::equal(attention(x, kept), attention(x, second)));
  EXPECT_EQ(keys_of().keys.data_ptr(), old.keys.data_ptr());
  EXPECT_EQ(keys_of().values.data_ptr(), old.values.data_ptr());
  EXPECT_THROW(kept.replace(torch::randn({1, 4, 6})), c10::Error);
  EXPECT_THROW(Context(first).replace(second), c10::Error);
}

TEST(Context, KeepsNothingForGradients) {
  torch::manual_seed(0);
  Attention attention(AttentionShape{.width = 8, .context = 6, .heads = 2});
  const Context kept = Context::kept(torch::randn({1, 3, 6}));
  EXPECT_THROW(attention(torch::randn({1, 5, 8}), kept), c10::Error);
}

}  // namespace
}  // namespace medisyn
