// Trainings of a tiny Stable Diffusion, computed again from the dumps of their steps by diffusers and
// torch.optim.AdamW (scripts/parity_training.py).
#include <torch/types.h>

#include "../fresh_folder.h"
#include "../peers.h"
#include "../pipeline/tiny_model.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/train/trainer.h"
#include "miniature_run.h"

namespace medisyn {
namespace {

constexpr std::int64_t kSteps = 20;

enum class Kind : std::uint8_t { kSD, kXL, kBert };

struct Case {
  std::string name;
  Kind kind = Kind::kSD;
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

StableDiffusion model_of(Kind kind, const SchedulerConfig& scheduler, const fs::path& work) {
  const fs::path golden = MEDISYN_TEST_DATA;
  const fs::path merges = golden / "clip_small_merges.txt";
  switch (kind) {
    case Kind::kXL:
      return tiny_xl_model(merges, scheduler);
    case Kind::kBert:
      return tiny_bert_model(merges, golden / "bert_small_vocab.txt", work / "bert");
    default:
      return tiny_model(merges, scheduler);
  }
}

/// Dropout, whose numbers the two libraries would draw differently.
void turn_dropout_off(const fs::path& config_file) {
  Json config = Json::parse(read_file(config_file));
  for (const char* key : {"hidden_dropout_prob", "attention_probs_dropout_prob"}) {
    config[key] = 0.0;
  }
  write_file(config_file, config.dump());
}

TEST(TrainingParity, LossesAndUpdatesAreThoseOfDiffusersAndAdamW) {
  if (peers_python().empty()) {
    GTEST_SKIP() << "no diffusers here: scripts/setup_peers.sh makes .venv-peers";
  }
  set_quiet(true);
  const fs::path folder = fresh_folder();
  write_miniature_data(folder / "data", 32);
  const std::string fast = "optimizer: {learning_rate: 1.0e-3}\n";
  const std::vector<Case> cases = {
      {.name = "epsilon", .changes = fast},
      {.name = "v_prediction",
       .prediction_type = "v_prediction",
       .changes = "optimizer: {learning_rate: 1.0e-3, schedule: cosine}"},
      {.name = "sample",
       .prediction_type = "sample",
       .changes = "optimizer: {learning_rate: 1.0e-3, schedule: linear, weight_decay: 0.1, beta1: 0.8}"},
      {.name = "min_snr",
       .changes = "min_snr_gamma: 5\noptimizer: {learning_rate: 1.0e-3, max_grad_norm: 0.05}"},
      {.name = "micro", .changes = "micro_batch_size: 2\ngradient_checkpointing: true\n" + fast},
      {.name = "min_snr_v",
       .prediction_type = "v_prediction",
       .changes = "min_snr_gamma: 5\ncaption_dropout: 0.5\noptimizer: {learning_rate: 1.0e-4}"},
      {.name = "zero_terminal_snr",
       .changes = "prediction_type: v_prediction\nzero_terminal_snr: true\noffset_noise: 0.1\n" + fast},
      {.name = "channels_last", .changes = "channels_last: true\n" + fast},
      {.name = "text", .changes = "train_text_encoder: true\n" + fast},
      {.name = "bert", .kind = Kind::kBert, .changes = fast},
      {.name = "bert_text", .kind = Kind::kBert, .changes = "train_text_encoder: true\n" + fast},
      {.name = "xl", .kind = Kind::kXL, .changes = "empty_prompt: zeros\ncaption_dropout: 0.5\n" + fast},
      {.name = "xl_text",
       .kind = Kind::kXL,
       .changes = "train_text_encoder: true\ngradient_checkpointing: true\n" + fast},
  };
  for (const Case& one : cases) {
    SchedulerConfig scheduler = stable_diffusion_scheduler();
    scheduler.prediction_type = one.prediction_type;
    save_stable_diffusion(folder / one.name / "base", model_of(one.kind, scheduler, folder / one.name));
    if (one.kind == Kind::kBert) {
      turn_dropout_off(folder / one.name / "base/text_encoder/config.json");
    }
    train(config_of(folder, one),
          {.out = folder / one.name / "run", .resume = false, .dump_steps = kSteps, .rank = {}, .go_on = ""});
  }
  set_quiet(false);
  EXPECT_EQ(run_peer("parity_training.py", folder), 0);
}

}  // namespace
}  // namespace medisyn
