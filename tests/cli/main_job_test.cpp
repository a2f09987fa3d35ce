// The main job at a miniature size, through the program: curate, train, generate, score, report.
#include <gmock/gmock.h>
#include <torch/types.h>

#include <csignal>

#include "../fresh_folder.h"
#include "../json_schema.h"
#include "../run_program.h"
#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"
#include "medisyn/io/image.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/models/efficientnet_lite0.h"
#include "medisyn/models/hf_folder.h"

namespace medisyn {
namespace {

using testing::HasSubstr;

/// Raw pictures of two kinds: reddish waves and bluish waves.
void write_raw_pictures(const fs::path& folder) {
  for (int i = 0; i < 20; ++i) {
    const bool is_red = i % 2 == 0;
    Image image{24, 24, {}};
    for (int p = 0; p < 24 * 24; ++p) {
      const auto wave = static_cast<std::uint8_t>(30 + (p * (i + 2)) % 90);
      image.pixels.insert(image.pixels.end(), {static_cast<std::uint8_t>(is_red ? 230 : wave), wave,
                                               static_cast<std::uint8_t>(is_red ? wave : 230)});
    }
    fs::create_directories(folder / (is_red ? "red" : "blue"));
    write_file(folder / (is_red ? "red" : "blue") / fmt::format("p{}.png", i), encode_png(image));
  }
}

constexpr const char* kCurate = R"(root: raw
size: 16
split: {ratio: [60, 0, 40]}
duplicates: {find_near: false}   # waves are alike
repositories:
  - {name: red, reader: picture, path: red, pattern: ".*png", specialty: Dermatology, image_type: Dermoscopy,
     caption: "Red waves", source: made, licence: none}
  - {name: blue, reader: picture, path: blue, pattern: ".*png", specialty: Pathology, image_type: Microscopy,
     caption: "Blue waves", source: made, licence: none}
)";

constexpr const char* kVae = R"(objective: vae
data: {manifest: data, validation_where: split=test}
vae: {down_block_types: [DownEncoderBlock2D, DownEncoderBlock2D], up_block_types: [UpDecoderBlock2D, UpDecoderBlock2D],
  block_out_channels: [8, 8], norm_num_groups: 4, latent_channels: 2, sample_size: 16}
optimizer: {learning_rate: 0.005, ema_decay: 0.9}
batch_size: 4
max_steps: 40
)";

constexpr const char* kUnet = R"(objective: unet
data: {manifest: data, validation_where: split=test}
parts:
  vae: vae
  tokenizer: merges.txt
  unet: {sample_size: 8, in_channels: 2, out_channels: 2, down_block_types: [CrossAttnDownBlock2D, DownBlock2D],
    up_block_types: [UpBlock2D, CrossAttnUpBlock2D], block_out_channels: [8, 16], layers_per_block: 1,
    attention_head_dim: 2, cross_attention_dim: 16, norm_num_groups: 4}
  text_encoder: {vocab_size: 1200, hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1,
    num_attention_heads: 2, max_position_embeddings: 16}
train_text_encoder: true
optimizer: {learning_rate: 0.003, ema_decay: 0.9}
batch_size: 4
max_steps: 40
save_every_steps: 20
keep_checkpoints: 2
)";

constexpr const char* kReport = R"(title: A miniature
data: data
training: [{title: VAE, path: vae}, {title: U-Net, path: unet}]
samples: drawn
alignment: alignment
fid: fid
msssim: [{title: generated, path: msssim}]
)";

class MainJob : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = fs::path(testing::TempDir()) / fmt::format("medisyn_main_job_{}", getpid());
    fs::remove_all(folder_);
    write_raw_pictures(folder_ / "raw");
    for (const auto& [name, text] : {std::pair{"curate.yaml", kCurate},
                                     {"vae.yaml", kVae},
                                     {"unet.yaml", kUnet},
                                     {"report.yaml", kReport}}) {
      write_file(folder_ / name, text);
    }
    fs::copy(fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt", folder_ / "merges.txt");
    write_file(folder_ / "prompts.txt", "Red waves --n 3\nBlue waves --n 2 --seed 9\n");
    torch::manual_seed(0);
    save_parameters(folder_ / "weights.safetensors", *EfficientNetLite0());
    expect_done({"curate", "--config", "curate.yaml", "--out", "data"});
    expect_done({"train", "--config", "vae.yaml", "--out", "vae", "--threads", "2"});
    expect_done({"train", "--config", "unet.yaml", "--out", "unet", "--threads", "2"});
    expect_done(
        {"generate", "--model", "unet", "--prompts", "prompts.txt", "--steps", "4", "--out", "drawn"});
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }

  static ProgramResult expect_done(const std::vector<std::string>& arguments) {
    const ProgramResult result = run_program(arguments, folder_);
    EXPECT_EQ(result.exit_code, 0) << arguments[0] << ": " << result.errors;
    return result;
  }

  static void expect_refused(const std::vector<std::string>& arguments, const std::string& text) {
    const ProgramResult result = run_program(arguments, folder_);
    EXPECT_EQ(result.exit_code, 2) << result.errors;
    EXPECT_THAT(result.errors, HasSubstr(text));
  }

  static Json metrics(const std::string& folder) {
    const Json result = Json::parse(read_file(folder_ / folder / "result.json"));
    EXPECT_THAT(result_faults(result), testing::IsEmpty()) << folder;
    return result["metrics"];
  }

  static fs::path folder_;
};

fs::path MainJob::folder_;

TEST_F(MainJob, CurateWritesAnImageFolder) {
  const auto lines = read_jsonl(folder_ / "data" / "metadata.jsonl");
  EXPECT_EQ(lines.size(), 20U);
  for (const char* key : {"file_name", "text", "id", "patient_id", "specialty", "image_type", "labels",
                          "source", "licence", "sha256", "split"}) {
    EXPECT_TRUE(lines.front().contains(key)) << key;
  }
  EXPECT_EQ(sha256_file(folder_ / "data" / lines.front()["file_name"].get<std::string>()),
            lines.front()["sha256"]);
  const std::string before = read_file(folder_ / "data" / "metadata.jsonl");
  expect_done({"curate", "--config", "curate.yaml", "--out", "data"});  // nothing is new
  EXPECT_EQ(read_file(folder_ / "data" / "metadata.jsonl"), before);
  expect_refused({"curate", "--config", "curate.yaml", "--out", "unet"},
                 "expected a new or empty folder, or one of an earlier medisyn curate");
}

TEST_F(MainJob, GenerateIsTheSameTwiceAndFollowsTheContract) {
  expect_done({"generate", "--model", "unet", "--prompts", "prompts.txt", "--steps", "4", "--out", "again"});
  const auto lines = read_jsonl(folder_ / "drawn" / "metadata.jsonl");
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[3]["seed"], 9);
  EXPECT_EQ(lines[4]["seed"], 10);
  for (const Json& line : lines) {
    const auto name = line["file_name"].get<std::string>();
    EXPECT_EQ(read_file(folder_ / "drawn" / name), read_file(folder_ / "again" / name));
  }
  expect_refused({"generate", "--model", "unet", "--prompt", "Red waves", "--out", "drawn"}, "already holds");
}

TEST_F(MainJob, ScoresAndReport) {
  expect_done({"generate", "--model", "unet", "--prompts", "prompts.txt", "--steps", "4", "--unconditional",
               "--out", "control"});
  expect_done({"eval", "alignment", "--real", "data", "--generated", "drawn", "control", "--weights",
               "weights.safetensors", "--k", "3", "--out", "alignment"});
  const Json alignment = metrics("alignment");
  ASSERT_EQ(alignment["scores"].size(), 3U);
  EXPECT_EQ(alignment["scores"][0]["name"], "drawn");
  EXPECT_EQ(alignment["scores"][0]["n"], 5);
  EXPECT_DOUBLE_EQ(alignment["chance"].get<double>(), 0.5);

  const ProgramResult fid =
      expect_done({"eval", "fid", "--real", "data", "--generated", "drawn", "--extractor",
                   "efficientnet_lite0", "--weights", "weights.safetensors", "--out", "fid", "--json"});
  EXPECT_EQ(Json::parse(fid.output)["metrics"]["n_real"], 20);
  EXPECT_EQ(metrics("fid")["extractor"], "efficientnet_lite0");
  EXPECT_GT(metrics("fid")["fid"].get<double>(), 0);

  expect_done({"eval", "msssim", "--images", "drawn", "--scales", "1", "--pairs", "6", "--out", "msssim"});
  EXPECT_EQ(metrics("msssim")["pairs"], 6);
  expect_refused({"eval", "msssim", "--images", "drawn", "--out", "x"},
                 "too few for 5 scales, which need 161");

  expect_done({"report", "--config", "report.yaml", "--out", "report.html"});
  const std::string page = read_file(folder_ / "report.html");
  EXPECT_THAT(page, HasSubstr("<h1>A miniature</h1>"));
  EXPECT_THAT(page, HasSubstr("Red waves"));
  EXPECT_THAT(page, HasSubstr("medisyn eval fid"));
  expect_refused({"report", "--config", "report.yaml", "--out", "report.html"}, "is there already");
}

TEST_F(MainJob, TheCheckpointOfLowestDistanceIsMarked) {
  const std::vector<std::string> command = {"eval",          "fid",
                                            "--checkpoints", "unet",
                                            "--real",        "data",
                                            "--where",       "split=train",
                                            "--sample",      "6",
                                            "--steps",       "2",
                                            "--nproc",       "2",
                                            "--extractor",   "efficientnet_lite0",
                                            "--weights",     "weights.safetensors",
                                            "--out",         "choice"};
  const ProgramResult shown = expect_done(command);
  const Json found = metrics("choice");
  EXPECT_EQ(found["n_real"], 6);
  ASSERT_GE(found["checkpoints"].size(), 2U);
  double lowest = INFINITY;
  for (const Json& one : found["checkpoints"]) {
    lowest = std::min(lowest, one["fid"].get<double>());
    const std::string name = fmt::format("unet-step-{}", one["step"].get<int>());
    EXPECT_EQ(read_jsonl(folder_ / "choice" / "images" / name / "metadata.jsonl").size(), 6U);
  }
  EXPECT_EQ(found["lowest"]["fid"].get<double>(), lowest);
  EXPECT_THAT(shown.output, HasSubstr("* "));
  EXPECT_THAT(read_file(folder_ / "choice" / "checkpoints.csv"), HasSubstr("lowest"));
  // The numbers are those of the two sides by themselves.
  const std::string best = fmt::format("choice/images/unet-step-{}", found["lowest"]["step"].get<int>());
  expect_done({"eval", "fid", "--real", "choice/prompts.jsonl", "--generated", best, "--extractor",
               "efficientnet_lite0", "--weights", "weights.safetensors", "--fd-infinity", "0", "--out",
               "best"});
  EXPECT_NEAR(metrics("best")["fid"].get<double>(), lowest, 1e-9 * lowest);
  expect_refused({"eval", "fid", "--checkpoints", "data", "--real", "data", "--extractor",
                  "efficientnet_lite0", "--weights", "weights.safetensors", "--out", "none"},
                 "expected a run of medisyn train with a complete checkpoint");
}

TEST_F(MainJob, CtrlCSavesAndResumeGoesOn) {
  const pid_t child = start_program({"train", "--config", "vae.yaml", "--out", "stopped", "--set",
                                     "max_steps=100000", "--set", "log_every_steps=1"},
                                    folder_);
  for (int i = 0;
       i < 600 && slurp(folder_ / "stopped" / "metrics.jsonl").find("\"loss\"") == std::string::npos; ++i) {
    usleep(100'000);
  }
  kill(child, SIGINT);
  const ProgramResult stopped = wait_for(child, folder_);
  EXPECT_EQ(stopped.exit_code, 130) << stopped.errors;
  EXPECT_THAT(stopped.errors, HasSubstr("go on with: medisyn train --config vae.yaml --out stopped"));
  EXPECT_THAT(stopped.errors, HasSubstr("--resume"));
  EXPECT_TRUE(fs::exists(folder_ / "stopped" / "latest"));
  EXPECT_FALSE(fs::exists(folder_ / "stopped" / "result.json"));
  std::int64_t step = 0;
  for (const Json& line : read_jsonl(folder_ / "stopped" / "metrics.jsonl")) {
    step = line["step"];
  }
  expect_done({"train", "--config", "vae.yaml", "--out", "stopped", "--resume", "--set",
               fmt::format("max_steps={}", step + 3), "--set", "log_every_steps=1"});
  EXPECT_EQ(metrics("stopped")["steps"], step + 3);
}

TEST_F(MainJob, DamagedModelsAreNamed) {
  const std::string latest = read_file(folder_ / "unet" / "latest");
  const fs::path whole = folder_ / "unet" / latest.substr(0, latest.find('\n'));
  fs::copy(whole, folder_ / "damaged", fs::copy_options::recursive);
  const fs::path weights = folder_ / "damaged" / "unet" / "diffusion_pytorch_model.safetensors";
  fs::resize_file(weights, fs::file_size(weights) / 2);
  expect_refused({"generate", "--model", "damaged", "--prompt", "x", "--out", "none"},
                 "diffusion_pytorch_model.safetensors");
  EXPECT_FALSE(fs::exists(folder_ / "none"));
}

}  // namespace
}  // namespace medisyn
