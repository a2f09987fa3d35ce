// Trainings of tiny text-to-image models: with a cache, of SDXL, of adapters, with previews.
#include <torch/types.h>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "../pipeline/tiny_model.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/io/safetensors.h"
#include "medisyn/train/trainer.h"
#include "miniature_run.h"

namespace medisyn {
namespace {

class UnetTraining : public testing::Test {
 protected:
  void SetUp() override {
    set_quiet(true);
    folder_ = fresh_folder();
    write_miniature_data(folder_ / "data", 32);
    merges_ = fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt";
    save_stable_diffusion(folder_ / "sd", tiny_model(merges_));
    save_stable_diffusion(folder_ / "xl", tiny_xl_model(merges_));
  }
  void TearDown() override { set_quiet(false); }

  TrainConfig config(const std::string& base, const std::string& more = "") const {
    return config_from_node<TrainConfig>(parse_config_text(
        fmt::format(
            "objective: unet\ndata: {{manifest: '{}'}}\nparts: {{base: '{}'}}\nbatch_size: 3\nmax_steps: 12\n"
            "log_every_steps: 1\noptimizer: {{learning_rate: 1.0e-3}}\n{}\n",
            (folder_ / "data").string(), (folder_ / base).string(), more),
        "test"));
  }

  Json run(const TrainConfig& config, const std::string& name, bool resume = false) const {
    return train(config, {.out = folder_ / name, .resume = resume, .rank = {}, .go_on = ""});
  }

  std::vector<double> losses(const std::string& name) const {
    std::vector<double> found;
    for (const Json& line : read_jsonl(folder_ / name / "metrics.jsonl")) {
      if (line.contains("loss")) {
        found.push_back(line["loss"].get<double>());
      }
    }
    return found;
  }

  void expect_same_losses(const std::string& a, const std::string& b) const {
    const auto first = losses(a), second = losses(b);
    ASSERT_EQ(first.size(), second.size());
    for (std::size_t i = 0; i < first.size(); ++i) {
      EXPECT_NEAR(first[i], second[i], 1e-5 * first[i]) << a << ", " << b << " step " << i + 1;
    }
  }

  std::int64_t cache_folders(const std::string& kind) const {
    std::int64_t count = 0;
    for (const auto& entry : fs::directory_iterator(folder_ / "cache")) {
      count += entry.path().filename().string().starts_with(kind) ? 1 : 0;
    }
    return count;
  }

  fs::path last(const std::string& name) const { return folder_ / name / "checkpoints/step-12"; }

  fs::path folder_;
  fs::path merges_;
};

TEST_F(UnetTraining, ACacheChangesNoLoss) {
  for (const std::string base : {"sd", "xl"}) {
    run(config(base), base + "-plain");
    TrainConfig cached = config(base);
    cached.cache.folder = folder_ / "cache";
    run(cached, base + "-cached");
    expect_same_losses(base + "-plain", base + "-cached");
    cached.micro_batch_size = 2;
    run(cached, base + "-again");  // out of the shards that are there
    expect_same_losses(base + "-plain", base + "-again");
  }
  EXPECT_EQ(cache_folders("latents"), 2);  // training and held-out images: both models have the same VAE
  EXPECT_EQ(cache_folders("captions"), 2);
}

TEST_F(UnetTraining, ACacheBelongsToItsDataAndItsEncoders) {
  TrainConfig cached = config("sd");
  cached.cache.folder = folder_ / "cache";
  make_cache(cached, {});
  EXPECT_EQ(cache_folders("latents"), 2);
  make_cache(cached, {});
  EXPECT_EQ(cache_folders("latents"), 2);
  cached.data.where = "split=train and image_type=CT";
  make_cache(cached, {});
  EXPECT_EQ(cache_folders("latents"), 3);
  cached.precision = "bf16";
  make_cache(cached, {});
  EXPECT_EQ(cache_folders("latents"), 5);
  EXPECT_EQ(cache_folders("captions"), 2);
}

TEST_F(UnetTraining, ATrainedEncoderRefusesItsCache) {
  TrainConfig cached = config("sd", "train_text_encoder: true");
  cached.cache.folder = folder_ / "cache";
  EXPECT_ERROR(run(cached, "refused"), "set cache.captions: false");
  cached.cache.captions = false;
  run(cached, "cached");
  run(config("sd", "train_text_encoder: true"), "plain");
  expect_same_losses("plain", "cached");
  EXPECT_EQ(cache_folders("captions"), 0);
  TrainConfig vae = miniature_vae(folder_ / "data");
  vae.cache.folder = folder_ / "cache";
  EXPECT_ERROR(run(vae, "vae"), "remove this section");
  EXPECT_ERROR(make_cache(config("sd"), {}), "no cache.folder");
}

TEST_F(UnetTraining, XlKeepsItsSecondEncoderAndSaysWhatAnEmptyPromptIs) {
  run(config("xl", "train_text_encoder: true\nempty_prompt: zeros"), "zeros");
  const auto same = [&](const std::string& run, const std::string& file) {
    return read_file(last(run) / file) == read_file(folder_ / "xl" / file);
  };
  EXPECT_TRUE(same("zeros", "text_encoder_2/model.safetensors"));
  EXPECT_TRUE(same("zeros", "vae/diffusion_pytorch_model.safetensors"));
  EXPECT_FALSE(same("zeros", "text_encoder/model.safetensors"));
  EXPECT_TRUE(load_stable_diffusion(last("zeros")).force_zeros_for_empty_prompt);
  run(config("xl"), "encoded");
  EXPECT_FALSE(load_stable_diffusion(last("encoded")).force_zeros_for_empty_prompt);
  EXPECT_TRUE(same("encoded", "text_encoder/model.safetensors"));
  EXPECT_ERROR(run(config("sd", "empty_prompt: zeros"), "sd-zeros"), "empty_prompt: zeros stand for");
}

TEST_F(UnetTraining, AdaptersAreTrainedInsteadOfTheWeights) {
  TrainConfig adapted = config("sd", "lora: {rank: 2}");
  adapted.optimizer.learning_rate = 0.05;
  const Json metrics = run(adapted, "lora");
  EXPECT_LT(metrics["parameters"].get<int>(), 20000);
  EXPECT_LT(metrics["validation/loss"].get<double>(), metrics["first/validation/loss"].get<double>());
  const Safetensors adapters(last("lora") / "pytorch_lora_weights.safetensors");
  std::int64_t values = 0;
  for (const std::string& name : adapters.names()) {
    values += adapters.tensor(name).numel();
  }
  EXPECT_EQ(metrics["parameters"], values);
  // The folder beside it holds the adapted weights, and its loss is the trained one.
  TrainConfig next = config("lora");
  next.max_steps = 1;
  EXPECT_NEAR(run(next, "next")["first/validation/loss"].get<double>(),
              metrics["validation/loss"].get<double>(), 1e-5);
  adapted.max_steps = 5;
  run(adapted, "parts");
  adapted.max_steps = 12;
  run(adapted, "parts", /*resume=*/true);
  EXPECT_EQ(losses("parts"), losses("lora"));
}

TEST_F(UnetTraining, PreviewsAreDrawnAtEachValidation) {
  for (const std::string base : {"sd", "xl"}) {
    run(config(base, "preview: {prompts: [CT slice, MRI slice], steps: 2}\nvalidate_every_steps: 6"),
        base + "-run");
    for (const char* file : {"step-0/00.png", "step-6/01.png", "step-12/00.png"}) {
      EXPECT_EQ(read_image(folder_ / (base + "-run") / "previews" / file).width, 32) << file;
    }
    EXPECT_NE(read_file(folder_ / (base + "-run") / "previews/step-0/00.png"),
              read_file(folder_ / (base + "-run") / "previews/step-12/00.png"));
    run(config(base), base + "-plain");
    EXPECT_EQ(losses(base + "-run"), losses(base + "-plain"));
  }
}

TEST_F(UnetTraining, EpochsEndWithCheckpointsAndTheirLastBatchIsShort) {
  TrainConfig epochs = config("sd");
  epochs.max_steps.reset();
  epochs.epochs = 3;  // of 8 images: batches of 3, 3 and 2
  epochs.keep_checkpoints = 5;
  EXPECT_EQ(run(epochs, "run")["steps"], 9);
  for (const int step : {3, 6, 9}) {
    EXPECT_TRUE(fs::exists(folder_ / fmt::format("run/checkpoints/step-{}/COMPLETE", step)));
  }
  EXPECT_EQ(read_jsonl(folder_ / "run/metrics.jsonl").back()["epoch"], 3);
}

TEST_F(UnetTraining, TheScheduleThatIsTrainedIsTheOneThatIsSaved) {
  run(config("sd", "prediction_type: v_prediction\nzero_terminal_snr: true"), "zero");
  const SchedulerConfig saved = read_scheduler_config(last("zero") / "scheduler");
  EXPECT_EQ(saved.prediction_type, "v_prediction");
  EXPECT_TRUE(saved.rescale_betas_zero_snr);
  EXPECT_EQ(saved.spacing(), "trailing");
  EXPECT_ERROR(run(config("sd", "zero_terminal_snr: true"), "epsilon"),
               "expected prediction_type: v_prediction");
}

TEST_F(UnetTraining, AnotherTextEncoderTakesTheBasesPlace) {
  const fs::path vocab = fs::path(MEDISYN_TEST_DATA) / "bert_small_vocab.txt";
  save_stable_diffusion(folder_ / "bert", tiny_bert_model(merges_, vocab, folder_ / "work"));
  TrainConfig other = config("sd");
  other.parts.text = folder_ / "bert";
  run(other, "run");
  EXPECT_EQ(load_stable_diffusion(last("run")).text_encoder.class_name(), "BertModel");
  other.parts.base = folder_ / "xl";
  EXPECT_ERROR(run(other, "xl-run"), "has two text encoders");
}

}  // namespace
}  // namespace medisyn
