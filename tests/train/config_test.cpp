#include "medisyn/train/config.h"

#include "../expect_error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

TrainConfig parse(const std::string& text) {
  return config_from_node<TrainConfig>(parse_config_text(text, "t.yaml"));
}

TEST(TrainConfig, EveryShippedFileLoads) {
  int count = 0;
  for (const char* name : {"quickstart/vae.yaml", "quickstart/unet.yaml"}) {
    const auto config = read_config<TrainConfig>(fs::path(MEDISYN_SOURCE) / name);
    EXPECT_EQ(
        config_to_json(config_from_node<TrainConfig>(parse_config_text(config_to_json(config).dump(), name))),
        config_to_json(config));
    ++count;
  }
  EXPECT_EQ(count, 2);
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
