// `medisyn generate` as it is typed, on a tiny model of random weights.
#include <signal.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "generate_fixture.h"
#include "medisyn/core/files.h"
#include "medisyn/io/image.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/io/safetensors.h"

namespace medisyn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST_F(Generate, WritesImagesMetadataSheetAndResult) {
  const ProgramResult result = run({"--prompts", "p.txt", "--out", "o", "--seed", "20", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(names("o"), ElementsAre("00000.png", "00001.png", "00002.png", "00003.png", "00004.png",
                                      "config.yaml", "contact_sheet.png", "metadata.jsonl", "result.json"));
  const auto rows = read_jsonl(folder_ / "o/metadata.jsonl");
  ASSERT_EQ(rows.size(), 5);
  EXPECT_EQ(rows[2]["file_name"], "00002.png");
  EXPECT_EQ(rows[2]["text"], "CT of the lung");
  EXPECT_EQ(rows[2]["seed"], 9);
  EXPECT_EQ(rows[4]["seed"], 21) << "--seed and the image's number in its prompt";
  EXPECT_EQ(rows[0]["sampler"], "pndm") << "the model's own";
  EXPECT_EQ(rows[0]["steps"], 3);
  EXPECT_EQ(rows[0]["scale"], 4.0);
  EXPECT_EQ(rows[0]["size"], "32x32");
  EXPECT_EQ(rows[0]["model_sha256"].get<std::string>().size(), 64);
  EXPECT_FALSE(rows[0].contains("unconditional"));
  EXPECT_EQ(read_image(folder_ / "o/00000.png").width, 32);
  EXPECT_THAT(bytes("o/00000.png"), HasSubstr("CT of the lung"));
  const Json record = Json::parse(result.output);
  EXPECT_EQ(record["schema"], "medisyn.result/1");
  EXPECT_EQ(record["metrics"]["images"], 5);
  EXPECT_EQ(record["inputs"][1]["path"], "p.txt");
  EXPECT_EQ(Json::parse(bytes("o/result.json"))["config"], record["config"]);
}

TEST_F(Generate, SameCommandGivesTheSameBytesAndAnyBatchTheSamePictures) {
  expect_done({"--prompts", "p.txt", "--out", "a", "--batch", "3"});
  expect_done({"--prompts", "p.txt", "--out", "b", "--batch", "3"});
  expect_done({"--prompts", "p.txt", "--out", "c", "--batch", "1"});
  expect_done({"--prompts", "p.txt", "--out", "d", "--batch", "8"});
  for (const std::string name : {"00000.png", "00001.png", "00002.png", "00003.png", "00004.png"}) {
    EXPECT_EQ(bytes("a/" + name), bytes("b/" + name));
    EXPECT_LE(largest_difference("a/" + name, "c/" + name), 1);
    EXPECT_LE(largest_difference("a/" + name, "d/" + name), 1);
  }
  EXPECT_EQ(bytes("a/metadata.jsonl"), bytes("b/metadata.jsonl"));
  EXPECT_EQ(bytes("a/contact_sheet.png"), bytes("b/contact_sheet.png"));
  EXPECT_GT(largest_difference("a/00000.png", "a/00001.png"), 1);
}

TEST_F(Generate, SecondRunMakesOnlyWhatIsMissing) {
  const Words command{"--prompts", "p.txt", "--out", "o", "--batch", "2", "--save-latents"};
  expect_done(command);
  const std::string image = bytes("o/00003.png"), latents = bytes("o/latents.safetensors");
  const auto untouched = fs::last_write_time(folder_ / "o/00000.png");
  fs::resize_file(folder_ / "o/00003.png", 100);
  write_file(folder_ / "o/00001.png.tmp77", "left by a killed run");
  fs::remove(folder_ / "o/metadata.jsonl");
  expect_done(command);
  EXPECT_EQ(bytes("o/00003.png"), image);
  EXPECT_EQ(bytes("o/latents.safetensors"), latents);
  EXPECT_EQ(fs::last_write_time(folder_ / "o/00000.png"), untouched);
  EXPECT_EQ(read_jsonl(folder_ / "o/metadata.jsonl").size(), 5);
  EXPECT_THAT(names("o"), Not(testing::Contains("00001.png.tmp77")));
  EXPECT_EQ(Json::parse(bytes("o/result.json"))["metrics"]["found"], 4);
}

TEST_F(Generate, SamplerAndGuidanceRescaleStandInTheMetadata) {
  expect_done({"--prompt", "CT", "--out", "o", "--sampler", "euler_a", "--guidance-rescale", "0.7"});
  const auto rows = read_jsonl(folder_ / "o/metadata.jsonl");
  EXPECT_EQ(rows[0]["sampler"], "euler_a");
  EXPECT_EQ(rows[0]["guidance_rescale"], 0.7);
  expect_refused({"--prompt", "CT", "--out", "o", "--sampler", "euler_a"}, "o: already holds another run");
}

TEST_F(Generate, AnotherRunsFolderIsRefused) {
  expect_done({"--prompt", "CT", "--out", "o"});
  const std::string image = bytes("o/00000.png");
  expect_refused({"--prompt", "CT", "--out", "o", "--seed", "1"}, "o: already holds another run");
  expect_refused({"--prompt", "MRI", "--out", "o"}, "o: already holds another run");
  EXPECT_EQ(bytes("o/00000.png"), image);
  fs::create_directories(folder_ / "p");
  write_file(folder_ / "p/00000.png", "somebody's");
  expect_refused({"--prompt", "CT", "--out", "p"}, "p/00000.png: is already there");
}

TEST_F(Generate, CtrlCLeavesWholeFilesAndTheNextRunGoesOn) {
  const Words command{"generate", "--model", "model", "--threads", "1", "--prompt", "CT's", "--n",
                      "40",       "--steps", "20",    "--batch",   "2", "--out",    "o"};
  const pid_t child = start_program(command, folder_);
  for (int i = 0; i < 6000 && !fs::exists(folder_ / "o/00001.png"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  kill(child, SIGINT);
  const ProgramResult result = wait_for(child, folder_);
  EXPECT_EQ(result.exit_code, 130) << result.errors;
  EXPECT_THAT(result.errors,
              HasSubstr("go on with: medisyn generate --model model --threads 1 --prompt 'CT'\\''s' --n 40"));
  const auto rows = read_jsonl(folder_ / "o/metadata.jsonl");
  EXPECT_GE(rows.size(), 2);
  EXPECT_LT(rows.size(), 40);
  for (const Json& row : rows) {
    read_image(folder_ / "o" / row["file_name"].get<std::string>());
  }
  EXPECT_FALSE(fs::exists(folder_ / "o/result.json"));
  EXPECT_EQ(run_program(command, folder_).exit_code, 0);
  EXPECT_EQ(read_jsonl(folder_ / "o/metadata.jsonl").size(), 40);
}

TEST_F(Generate, LatentsAreSavedInTheOrderOfTheImages) {
  write_file(folder_ / "q.txt", "CT --scale 2\nMRI\na mole --scale 2\n");
  expect_done({"--prompts", "q.txt", "--out", "o", "--save-latents", "--batch", "2"});
  expect_done({"--prompt", "MRI", "--out", "m", "--save-latents", "--batch", "2"});
  const Safetensors all(folder_ / "o/latents.safetensors"), one(folder_ / "m/latents.safetensors");
  EXPECT_EQ(all.tensor("latents").sizes(), (std::vector<std::int64_t>{3, 4, 8, 8}));
  EXPECT_TRUE(torch::equal(all.tensor("latents")[1], one.tensor("latents")[0]));
  EXPECT_FALSE(fs::exists(folder_ / "o/latents.parts"));
}

TEST_F(Generate, UnconditionalIgnoresThePromptAndSaysSo) {
  write_file(folder_ / "q.txt", "CT\na mole\n");
  expect_done({"--prompts", "q.txt", "--out", "o", "--unconditional", "--strip-metadata"});
  EXPECT_EQ(bytes("o/00000.png"), bytes("o/00001.png")) << "one seed, no prompt: one picture";
  const auto rows = read_jsonl(folder_ / "o/metadata.jsonl");
  EXPECT_EQ(rows[1]["text"], "a mole");
  EXPECT_EQ(rows[1]["unconditional"], true);
  EXPECT_THAT(bytes("o/00000.png"), Not(HasSubstr("tEXt"))) << "--strip-metadata";
}

TEST_F(Generate, ManifestIsAPromptFile) {
  std::vector<Json> records;
  for (int i = 0; i < 6; ++i) {
    records.push_back({{"file_name", fmt::format("{}.png", i)},
                       {"text", fmt::format("CT {}", i)},
                       {"split", i % 2 == 0 ? "train" : "test"}});
  }
  fs::create_directories(folder_ / "data");
  write_jsonl(folder_ / "data/metadata.jsonl", records);
  expect_done({"--prompts", "data", "--where", "split=test", "--sample", "2", "--seed", "5", "--out", "o"});
  const auto rows = read_jsonl(folder_ / "o/metadata.jsonl");
  ASSERT_EQ(rows.size(), 2);
  EXPECT_EQ(rows[0]["seed"], 5);
  EXPECT_EQ(rows[1]["seed"], 6) << "records count on: not one noise for all";
  const auto drawn = read_jsonl(folder_ / "o/sample.jsonl");
  ASSERT_EQ(drawn.size(), 2);
  EXPECT_EQ(drawn[1]["text"], rows[1]["text"]);
  expect_done({"--prompts", "o/sample.jsonl", "--seed", "5", "--out", "again"});
  EXPECT_EQ(bytes("again/00001.png"), bytes("o/00001.png"));
  expect_done({"--prompts", "o/metadata.jsonl", "--out", "third"});
  EXPECT_EQ(bytes("third/00001.png"), bytes("o/00001.png")) << "an image is made again from its metadata";
  expect_refused({"--prompts", "p.txt", "--sample", "1", "--out", "x"}, "choose among a manifest's records");
}

TEST_F(Generate, BrokenImagesAreCountedAndNamed) {
  auto model = tiny_model(fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt");
  const auto id = model.tokenizer.encode("q").at(1);
  {
    const torch::NoGradGuard guard;
    for (auto& parameter : model.text_encoder->named_parameters()) {
      if (parameter.key().ends_with("token_embedding.weight")) {
        parameter.value()[id].fill_(std::numeric_limits<float>::quiet_NaN());
      }
    }
  }
  fs::remove_all(folder_ / "model");
  save_stable_diffusion(folder_ / "model", model);
  write_file(folder_ / "q.txt", "a\nq\nb\n");
  const ProgramResult result = run({"--prompts", "q.txt", "--out", "o"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.errors,
              HasSubstr("1 of 3 images came out as NaN or infinity and were not saved: 00001.png"));
  EXPECT_FALSE(fs::exists(folder_ / "o/00001.png"));
  EXPECT_EQ(read_jsonl(folder_ / "o/metadata.jsonl").size(), 2);
  EXPECT_EQ(Json::parse(bytes("o/result.json"))["metrics"]["broken"], Json::array({"00001.png"}));
  expect_refused({"--prompt", "q", "--out", "all"}, "not one image is finite");
}

TEST_F(Generate, TruncatedPromptIsReported) {
  const ProgramResult result = run({"--prompt", std::string(200, '!') + " lost words", "--out", "o"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.errors, HasSubstr("longer than the 77 tokens of the model; not seen by it:"));
  EXPECT_THAT(result.errors, HasSubstr("lost words"));
}

TEST_F(Generate, DryRunWritesNothing) {
  expect_done({"--prompts", "p.txt", "--out", "o", "--dry-run"});
  EXPECT_FALSE(fs::exists(folder_ / "o"));
}

TEST_F(Generate, MistakesAreRefusedBeforeAnythingIsWritten) {
  write_file(folder_ / "empty.txt", "");
  write_file(folder_ / "latin.txt", "na\xefve\n");
  write_file(folder_ / "odd.txt", "CT\nMRI --size 33x32\n");
  expect_refused({"--out", "o"}, "expected either --prompts FILE or --prompt TEXT");
  expect_refused({"--prompt", "a", "--prompts", "p.txt", "--out", "o"}, "expected either --prompts");
  expect_refused({"--prompt", "a"}, "expected --out DIR");
  expect_refused({"--prompts", "empty.txt", "--out", "o"},
                 "empty.txt: expected at least one prompt, found none");
  expect_refused({"--prompts", "latin.txt", "--out", "o"}, "latin.txt:1: expected UTF-8 text");
  expect_refused({"--prompts", "none.txt", "--out", "o"}, "none.txt");
  expect_refused({"--prompts", "odd.txt", "--out", "o"}, "prompt 2 \"MRI\": expected a width and height");
  expect_refused({"--prompt", "a", "--out", "o", "--size", "64"}, "--size: expected WIDTHxHEIGHT");
  expect_refused({"--prompt", "a", "--out", "o", "--sampler", "ddimm"}, "did you mean ddim?");
  expect_refused({"--prompt", "a", "--out", "o", "--eta", "0.5"}, "only ddim's noise can be set");
  expect_refused({"--prompt", "a", "--out", "o", "--guidance-rescale", "2"},
                 "--guidance-rescale: expected a number from 0 to 1");
  expect_refused({"--prompt", "a", "--out", "o", "--steps", "0"}, "--steps: expected a number from 1");
  expect_refused({"--prompt", "a", "--out", "o", "--steps", "2000"}, "2000 steps: expected 1 to 1000");
  expect_refused({"--prompt", "a", "--out", "o", "--batch", "0"}, "--batch: expected a number from 1");
  expect_refused({"--prompt", "a", "--out", "o", "--seed", "4294967296"},
                 "--seed: expected a seed from 0 to");
  expect_refused({"--prompt", "a", "--out", "o", "--seed", "4294967295", "--n", "2"},
                 "the seed of its last image");
  expect_refused({"--prompt", "a", "--out", "o", "--stps", "1"}, "did you mean --steps?");
  model_ = "nowhere";
  expect_refused({"--prompts", "p.txt", "--out", "o"}, "nowhere: no such folder");
  model_ = "model";
  fs::resize_file(folder_ / "model/unet/diffusion_pytorch_model.safetensors", 5000);
  expect_refused({"--prompt", "a", "--out", "o"}, "model/unet/diffusion_pytorch_model.safetensors");
  EXPECT_FALSE(fs::exists(folder_ / "o"));
}

}  // namespace
}  // namespace medisyn
