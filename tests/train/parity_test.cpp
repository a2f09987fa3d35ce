// Trainings of a tiny Stable Diffusion, computed again from the dumps of their steps by diffusers and
// torch.optim.AdamW (scripts/parity_training.py).
#include <torch/types.h>

#include "../fresh_folder.h"
#include "../peers.h"
#include "../pipeline/tiny_model.h"
#include "medisyn/core/log.h"
#include "medisyn/train/trainer.h"
#include "miniature_run.h"

namespace medisyn {
namespace {

constexpr std::int64_t kSteps = 20;

struct Case {
  std::string name;
  std::string prediction_type = "epsilon";
  std::string changes;  ///< YAML, over the training's own
};

TrainConfig config_of(const fs::path& folder, const Case& one) {
  return config_from_node<TrainConfig>(parse_config_text(
      fmt::format("objective: unet\n"
                  "data: {{manifest: '{}'}}\n"
                  "parts: {{base: '{}'}}\n"
                  "batch_size: 3\nmax_steps: {}\nlog_every_steps: 1\nvalidate_every_steps: {}\n{}\n",
                  (folder / "data").string(), (folder / one.name / "base").string(), kSteps, kSteps,
                  one.changes),
      one.name));
}

TEST(TrainingParity, LossesAndUpdatesAreThoseOfDiffusersAndAdamW) {
  if (peers_python().empty()) {
    GTEST_SKIP() << "no diffusers here: scripts/setup_peers.sh makes .venv-peers";
  }
  set_quiet(true);
  const fs::path folder = fresh_folder();
  write_miniature_data(folder / "data", 32);
  const std::vector<Case> cases = {
      {.name = "epsilon", .changes = "optimizer: {learning_rate: 1.0e-3}"},
      {.name = "v_prediction",
       .prediction_type = "v_prediction",
       .changes = "optimizer: {learning_rate: 1.0e-3, schedule: cosine}"},
      {.name = "sample",
       .prediction_type = "sample",
       .changes = "optimizer: {learning_rate: 1.0e-3, schedule: linear, weight_decay: 0.1, beta1: 0.8}"},
      {.name = "min_snr",
       .changes = "min_snr_gamma: 5\noptimizer: {learning_rate: 1.0e-3, max_grad_norm: 0.05}"},
      {.name = "micro",
       .changes = "micro_batch_size: 2\ngradient_checkpointing: true\noptimizer: {learning_rate: 1.0e-3}"},
      {.name = "min_snr_v",
       .prediction_type = "v_prediction",
       .changes = "min_snr_gamma: 5\ncaption_dropout: 0.5\noptimizer: {learning_rate: 1.0e-4}"},
  };
  for (const Case& one : cases) {
    SchedulerConfig scheduler = stable_diffusion_scheduler();
    scheduler.prediction_type = one.prediction_type;
    save_stable_diffusion(folder / one.name / "base",
                          tiny_model(fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt", scheduler));
    train(config_of(folder, one),
          {.out = folder / one.name / "run", .resume = false, .dump_steps = kSteps, .go_on = ""});
  }
  set_quiet(false);
  EXPECT_EQ(run_peer("parity_training.py", folder), 0);
}

}  // namespace
}  // namespace medisyn
