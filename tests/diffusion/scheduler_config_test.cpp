// scheduler_config.json: honoured, refused, written.
#include "medisyn/diffusion/scheduler_config.h"

#include <gmock/gmock.h>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

SchedulerConfig read_text(const std::string& json) {
  const fs::path folder = fresh_folder();
  write_file(folder / "scheduler_config.json", json);
  return read_scheduler_config(folder);
}

TEST(SchedulerConfig, ReadsWhatStableDiffusionShips) {
  const auto config = read_text(R"({
    "_class_name": "PNDMScheduler", "_diffusers_version": "0.7.0.dev0", "beta_end": 0.012,
    "beta_schedule": "scaled_linear", "beta_start": 0.00085, "num_train_timesteps": 1000, "set_alpha_to_one": false,
    "skip_prk_steps": true, "steps_offset": 1, "trained_betas": null, "clip_sample": false})");
  EXPECT_EQ(config_to_json(config), config_to_json(stable_diffusion_scheduler()));
}

TEST(SchedulerConfig, WrittenFileHoldsResolvedDefaults) {
  const fs::path folder = fresh_folder();
  SchedulerConfig config;
  config.class_name = "DDIMScheduler";
  write_scheduler_config(folder, config);
  const Json json = Json::parse(read_file(folder / "scheduler_config.json"));
  EXPECT_EQ(json["clip_sample"], true);
  EXPECT_EQ(json["set_alpha_to_one"], true);
  EXPECT_EQ(json["_class_name"], "DDIMScheduler");
  EXPECT_TRUE(json["trained_betas"].is_null());
  EXPECT_TRUE(read_scheduler_config(folder).clips_sample());
}

TEST(SchedulerConfig, RefusesWhatItCannotHonour) {
  EXPECT_ERROR(read_text(R"({"_class_name": "UniPCMultistepScheduler"})"), "_class_name");
  EXPECT_ERROR(read_text(R"({"beta_shedule": "linear"})"), "beta_schedule");
  EXPECT_ERROR(read_text(R"({"trained_betas": [0.1]})"), "trained_betas");
  EXPECT_ERROR(read_text(R"({"thresholding": true})"), "thresholding");
  EXPECT_ERROR(read_text(R"({"prediction_type": "flow"})"), "prediction_type");
  EXPECT_ERROR(read_text(R"({"beta_start": 0.5, "beta_end": 0.1})"),
               "scheduler_config.json: scheduler: beta_start");
  EXPECT_ERROR(read_text(R"({"rescale_betas_zero_snr": true})"), "use v_prediction or sample");
  EXPECT_ERROR(read_scheduler_config(fresh_folder("none")), "scheduler_config.json");
}

}  // namespace
}  // namespace medisyn
