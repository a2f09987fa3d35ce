#include "medisyn/train/config.h"

#include <set>

#include "../expect_error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

TrainConfig parse(const std::string& text) {
  return config_from_node<TrainConfig>(parse_config_text(text, "t.yaml"));
}

/// The shipped files of trainings: quickstart/ and configs/*.yaml.
std::vector<fs::path> shipped() {
  const std::set<std::string> of_other_commands = {"classify.yaml", "curate.yaml", "report.yaml"};
  std::vector<fs::path> files;
  for (const char* folder : {"quickstart", "configs"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(MEDISYN_SOURCE) / folder)) {
      if (entry.path().extension() == ".yaml" &&
          !of_other_commands.contains(entry.path().filename().string())) {
        files.push_back(entry.path());
      }
    }
  }
  return files;
}

TEST(TrainConfig, EveryShippedFileLoadsAndIsWrittenAsItWasRead) {
  EXPECT_EQ(shipped().size(), 2U + 9U);
  for (const fs::path& file : shipped()) {
    const auto config = read_config<TrainConfig>(file);
    const auto again =
        config_from_node<TrainConfig>(parse_config_text(config_to_json(config).dump(), file.string()));
    EXPECT_EQ(config_to_json(again), config_to_json(config)) << file;
  }
}

TrainConfig shipped_config(const std::string& name) {
  return read_config<TrainConfig>(fs::path(MEDISYN_SOURCE) / "configs" / name);
}

TEST(TrainConfig, TheSixConfigurationsAreThePapers) {
  struct Case {
    const char* name;
    double learning_rate;
    bool trains_text, has_other_text;
  };
  for (const Case& one :
       {Case{"sd14_unet.yaml", 5e-5, false, false}, Case{"sd14_unet_clip.yaml", 5e-5, true, false},
        Case{"sd14_biomedclip_unet.yaml", 5e-5, false, true},
        Case{"sd14_biomedclip_unet_text.yaml", 5e-5, true, true}, Case{"sdxl_unet.yaml", 1e-5, false, false},
        Case{"sdxl_unet_clip.yaml", 1e-5, true, false}}) {
    const TrainConfig config = shipped_config(one.name);
    EXPECT_EQ(config.optimizer.learning_rate, one.learning_rate) << one.name;
    EXPECT_EQ(config.optimizer.schedule, "constant");
    EXPECT_EQ(config.batch_size, 128);
    EXPECT_EQ(config.epochs, 15);
    EXPECT_FALSE(config.max_steps || config.save_every_steps) << "a checkpoint at each epoch's end";
    EXPECT_EQ(config.keep_checkpoints, 15);
    EXPECT_EQ(config.caption_dropout, 0.1);
    EXPECT_EQ(config.precision, "bf16");
    EXPECT_EQ(config.train_text_encoder, one.trains_text) << one.name;
    EXPECT_EQ(config.parts.text.has_value(), one.has_other_text) << one.name;
  }
}

TEST(TrainConfig, SpecialistsDifferFromTheirBaseInTheirFilterAlone) {
  Json base = config_to_json(shipped_config("sd14_unet.yaml"));
  for (const char* name : {"dermoscopy", "msk_xray", "prostatectomy"}) {
    Json config = config_to_json(shipped_config(fmt::format("sd14_specialist_{}.yaml", name)));
    EXPECT_NE(config["data"]["where"], base["data"]["where"]);
    for (const char* key : {"where", "validation_where"}) {
      config["data"][key] = base["data"][key];
    }
    EXPECT_EQ(config, base);
  }
}

TEST(TrainConfig, MistakesAreNamed) {
  EXPECT_ERROR(parse("data: {manifest: x}\n"), "objective: this key is missing");
  EXPECT_ERROR(parse("objective: vea\ndata: {manifest: x}\n"),
               "t.yaml:1: objective: expected one of vae, unet (did you mean vae?), found vea");
  EXPECT_ERROR(parse("objective: vae\ndata: {manifest: x}\noptimizer:\n  learning_rte: 1\n"),
               "t.yaml:4: optimizer.learning_rte: unknown key; did you mean learning_rate?");
  EXPECT_ERROR(parse("objective: vae\ndata: {manifest: x}\nbatch_size: 0\n"),
               "batch_size: expected a number from 1");
  EXPECT_ERROR(parse("objective: vae\ndata: {manifest: x}\ncaption_dropout: 2\n"),
               "caption_dropout: expected a number from 0 to 1");
}

}  // namespace
}  // namespace medisyn
