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

TEST(SchedulerConfig, WrittenFileHoldsTheKeysOfItsClassAndWhatWasSet) {
  const fs::path folder = fresh_folder();
  SchedulerConfig config;
  config.class_name = "DDIMScheduler";
  config.solver_order = 1;
  write_scheduler_config(folder, config);
  const Json json = Json::parse(read_file(folder / "scheduler_config.json"));
  EXPECT_EQ(json["_class_name"], "DDIMScheduler");
  EXPECT_EQ(json["clip_sample_range"], 1.0);
  EXPECT_TRUE(json["trained_betas"].is_null());
  EXPECT_EQ(json["solver_order"], 1) << "of another class, but not its default";
  EXPECT_FALSE(json.contains("algorithm_type")) << "of another class";
  EXPECT_FALSE(json.contains("clip_sample")) << "each class has its own default";
  EXPECT_TRUE(read_scheduler_config(folder).clips_sample());
}

TEST(SchedulerConfig, WrittenFileReadsBackTheSame) {
  for (
      const char* text :
      {R"({"_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true, "sigma_min": 0.1})",
       R"({"_class_name": "EulerDiscreteScheduler", "skip_prk_steps": true, "clip_sample": false})",
       R"({"_class_name": "EulerAncestralDiscreteScheduler", "timestep_spacing": "trailing"})",
       R"({"_class_name": "DDPMScheduler", "variance_type": "fixed_large", "clip_sample": false})",
       R"({"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity, "solver_type": "heun",
            "variance_type": null, "euler_at_final": true, "use_lu_lambdas": false, "flow_shift": 1.0})"}) {
    const SchedulerConfig config = read_text(text);
    const fs::path folder = fresh_folder("again");
    write_scheduler_config(folder, config);
    EXPECT_EQ(config_to_json(read_scheduler_config(folder)), config_to_json(config));
  }
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
  EXPECT_ERROR(read_text(R"({"timestep_type": "continuous"})"), "timestep_type");
  EXPECT_ERROR(read_text(R"({"interpolation_type": "log_linear"})"), "interpolation_type");
  EXPECT_ERROR(read_text(R"({"use_beta_sigmas": true})"), "use_beta_sigmas");
  EXPECT_ERROR(read_text(R"({"lambda_min_clipped": -5.1})"), "lambda_min_clipped");
  EXPECT_ERROR(read_text(R"({"sigma_min": 2, "sigma_max": 1})"), "sigma_min 2 is above sigma_max 1");
  EXPECT_ERROR(read_scheduler_config(fresh_folder("none")), "scheduler_config.json");
}

}  // namespace
}  // namespace medisyn
