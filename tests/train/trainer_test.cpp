#include "medisyn/train/trainer.h"

#include <torch/types.h>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/io/safetensors.h"
#include "medisyn/pipeline/stable_diffusion.h"
#include "miniature_run.h"

namespace medisyn {
namespace {

class Training : public testing::Test {
 protected:
  void SetUp() override {
    set_quiet(true);
    torch::set_num_threads(1);
    folder_ = fresh_folder();
    write_miniature_data(folder_ / "data");
    merges_ = fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt";
  }
  void TearDown() override { set_quiet(false); }

  Json run(const TrainConfig& config, const std::string& name, bool resume = false) {
    return train(config, {.out = folder_ / name, .resume = resume, .go_on = ""});
  }

  /// Losses by step out of metrics.jsonl.
  std::map<std::int64_t, double> losses(const std::string& name) {
    std::map<std::int64_t, double> found;
    for (const Json& line : read_jsonl(folder_ / name / "metrics.jsonl")) {
      if (line.contains("loss")) {
        EXPECT_TRUE(found.emplace(line["step"].get<std::int64_t>(), line["loss"].get<double>()).second);
      }
    }
    return found;
  }

  fs::path folder_;
  fs::path merges_;
};

TEST_F(Training, VaeLearnsAndWritesItsFolder) {
  TrainConfig config = miniature_vae(folder_ / "data");
  config.max_steps = 60;
  config.validate_every_steps = 60;
  const Json metrics = run(config, "vae");
  EXPECT_GT(metrics["validation/psnr"].get<double>(), metrics["first/validation/psnr"].get<double>() + 3);
  EXPECT_TRUE(metrics.contains("validation/psnr/CT") && metrics.contains("validation/psnr/MRI"));
  const fs::path saved = folder_ / "vae" / "checkpoints" / "step-60" / "vae";
  const auto vae = read_config<AutoencoderKLConfig>(saved / "config.json");
  EXPECT_NE(vae.scaling_factor, 0.18215);
  EXPECT_TRUE(fs::exists(saved / "diffusion_pytorch_model.safetensors"));
  EXPECT_EQ(read_file(folder_ / "vae" / "latest"), "checkpoints/step-60\n");
  EXPECT_FALSE(fs::is_empty(folder_ / "vae" / "tensorboard"));
}

TEST_F(Training, ResumedRunsEqualUnbrokenOnesBitForBit) {
  TrainConfig config = miniature_vae(folder_ / "data");
  const Json whole = run(config, "whole");
  config.max_steps = 6;
  run(config, "parts");
  config.max_steps = 12;
  EXPECT_EQ(run(config, "parts", /*resume=*/true), whole);
  EXPECT_EQ(losses("parts"), losses("whole"));
  EXPECT_EQ(losses("whole").size(), 12U);
  const auto weights = [&](const std::string& name) {
    return read_file(folder_ / name / "checkpoints/step-12/vae/diffusion_pytorch_model.safetensors");
  };
  EXPECT_EQ(weights("parts"), weights("whole"));
  config.seed = 1;
  EXPECT_ERROR(run(config, "parts", true), "seed: 0 -> 1");
}

TEST_F(Training, UnetAndTextEncoderLearnAndLoadAsAPipeline) {
  run(miniature_vae(folder_ / "data"), "vae");
  TrainConfig config = miniature_unet(folder_ / "data", folder_ / "vae", merges_);
  config.max_steps = 60;
  config.validate_every_steps = 60;
  const Json metrics = run(config, "unet");
  EXPECT_LT(metrics["validation/loss"].get<double>(), metrics["first/validation/loss"].get<double>());
  const StableDiffusion model = load_stable_diffusion(folder_ / "unet");
  EXPECT_EQ(model.unet->config().sample_size, 8);
  // The saved text encoder is a trained one.
  const Safetensors state(folder_ / "unet/checkpoints/step-60/training_state.safetensors");
  EXPECT_TRUE(state.contains("ema"));

  config.max_steps = 30;
  config.save_every_steps = 30;
  run(config, "parts");
  config.max_steps = 60;
  run(config, "parts", true);
  EXPECT_EQ(losses("parts"), losses("unet"));
}

TEST_F(Training, FrozenTextEncoderStaysAsItIs) {
  run(miniature_vae(folder_ / "data"), "vae");
  TrainConfig config = miniature_unet(folder_ / "data", folder_ / "vae", merges_);
  run(config, "first");
  TrainConfig next = config;
  next.parts = {};
  next.parts.base = folder_ / "first";
  next.train_text_encoder = false;
  run(next, "second");
  const auto bytes = [&](const std::string& name, const std::string& part) {
    return read_file(folder_ / name / "checkpoints/step-12" / part);
  };
  EXPECT_EQ(bytes("first", "text_encoder/model.safetensors"),
            bytes("second", "text_encoder/model.safetensors"));
  EXPECT_NE(bytes("first", "unet/diffusion_pytorch_model.safetensors"),
            bytes("second", "unet/diffusion_pytorch_model.safetensors"));
}

TEST_F(Training, MicroBatchesAndRecomputedBlocksGiveTheSameTraining) {
  run(miniature_vae(folder_ / "data"), "vae");
  TrainConfig config = miniature_unet(folder_ / "data", folder_ / "vae", merges_);
  config.max_steps = 30;
  run(config, "whole");
  const auto whole = losses("whole");
  const auto expect_same = [&](const std::string& name) {
    run(config, name);
    const auto parts = losses(name);
    ASSERT_EQ(parts.size(), whole.size());
    for (const auto& [step, loss] : whole) {
      EXPECT_NEAR(parts.at(step), loss, 1e-5 * loss) << name << " step " << step;
    }
  };
  for (const std::int64_t micro : {1, 3, 4}) {  // 3: the last part of a batch of 4 is one image
    config.micro_batch_size = micro;
    expect_same(fmt::format("micro{}", micro));
  }
  config.micro_batch_size.reset();
  config.gradient_checkpointing = true;
  expect_same("recomputed");  // in another order of sums where a tensor is used by many blocks
}

TEST_F(Training, MistakesAreNamed) {
  TrainConfig config = miniature_vae(folder_ / "data");
  run(config, "used");
  EXPECT_ERROR(run(config, "used"), "already holds another run");
  EXPECT_ERROR(run(config, "none", true), "holds no complete checkpoint");
  config.data.where = "split=none";
  EXPECT_ERROR(run(config, "empty"), "split=none");
  config = miniature_vae(folder_ / "data");
  config.optimizer.learning_rate = 1e9;
  config.optimizer.max_grad_norm = 1e6;
  config.max_steps = 200;
  EXPECT_ERROR(run(config, "nan"), "is not finite");
  TrainConfig unet = miniature_unet(folder_ / "data", folder_ / "used", merges_);
  unet.parts.vae.reset();
  EXPECT_ERROR(run(unet, "parts"), "parts: expected base, or vae and tokenizer");
}

}  // namespace
}  // namespace medisyn
