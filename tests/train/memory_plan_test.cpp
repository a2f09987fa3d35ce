#include "medisyn/train/memory_plan.h"

#include "../fresh_folder.h"
#include "../pipeline/tiny_model.h"
#include "medisyn/core/files.h"
#include "medisyn/models/hf_folder.h"

namespace medisyn {
namespace {

TEST(MemoryPlan, CountsWhatADeviceHolds) {
  const fs::path folder = fresh_folder();
  const StableDiffusion model = tiny_xl_model(fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt");
  save_stable_diffusion(folder / "xl", model);
  TrainConfig config;
  config.objective = "unet";
  config.parts.base = folder / "xl";
  config.precision = "bf16";
  const std::int64_t unet = parameter_count(*model.unet), text = parameter_count(*model.text_encoder);
  const std::int64_t frozen = parameter_count(*model.vae) + parameter_count(*model.second->text_encoder);
  MemoryPlan plan = plan_memory(config, 1);
  EXPECT_EQ(plan.trained, unet);
  EXPECT_EQ(plan.weights, 4 * unet + 2 * (text + frozen));
  EXPECT_EQ(plan.gradients, 4 * unet);
  EXPECT_EQ(plan.optimizer, 8 * unet);
  config.train_text_encoder = true;
  config.optimizer.shard = true;
  config.optimizer.ema_decay = 0.99;
  plan = plan_memory(config, 4);
  EXPECT_EQ(plan.trained, unet + text);
  EXPECT_EQ(plan.gradients, 8 * (unet + text));
  EXPECT_EQ(plan.optimizer, 12 * ((unet + text + 3) / 4));
  config.train_text_encoder = false;
  config.cache.folder = folder / "cache";
  EXPECT_EQ(plan_memory(config, 1).weights, 4 * unet);
}

}  // namespace
}  // namespace medisyn
