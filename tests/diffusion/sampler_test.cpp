// Samplers in closed form, their properties and their errors.
#include "medisyn/diffusion/sampler.h"

#include <gmock/gmock.h>
#include <torch/types.h>

#include <cmath>

#include "../expect_error.h"
#include "medisyn/diffusion/ddim.h"
#include "medisyn/diffusion/guidance.h"
#include "medisyn/diffusion/pndm.h"

namespace medisyn {
namespace {

constexpr double kMean = 0.7, kDeviation = 0.4;

/// The exact denoiser of data that are normal with mean kMean and deviation kDeviation:
/// E[noise | x_t] = sqrt(1 - a) (x_t - sqrt(a) m) / (a s^2 + 1 - a).
DenoiseFn gaussian_denoiser(const NoiseSchedule& schedule) {
  return [&schedule](const torch::Tensor& x, std::int64_t t) {
    const double a = schedule.alpha_bar(t);
    const auto epsilon =
        std::sqrt(1 - a) * (x - std::sqrt(a) * kMean) / (a * kDeviation * kDeviation + 1 - a);
    const auto x0 = (x - std::sqrt(1 - a) * epsilon) / std::sqrt(a);
    if (schedule.config.prediction_type == "epsilon") {
      return epsilon;
    }
    return schedule.config.prediction_type == "sample" ? x0 : std::sqrt(a) * epsilon - std::sqrt(1 - a) * x0;
  };
}

SchedulerConfig sd_config(const std::string& sampler, const std::string& prediction_type) {
  SchedulerConfig config = config_of_sampler(stable_diffusion_scheduler(), sampler);
  config.prediction_type = prediction_type;
  return config;
}

void expect_gaussian(const std::string& sampler, const std::string& prediction_type, double eta,
                     std::int64_t steps, double tolerance) {
  SCOPED_TRACE(sampler + " " + prediction_type);
  torch::manual_seed(1);
  const NoiseSchedule schedule(sd_config(sampler, prediction_type));
  // Drawn from q(x_t) of the first timestep: what is left is the error of the steps.
  const double a = schedule.alpha_bar(ddim_timesteps(schedule.config, steps).front());
  const auto x_T =
      std::sqrt(a) * kMean + std::sqrt(a * kDeviation * kDeviation + 1 - a) * torch::randn({10000});
  const auto x = sample_latents(gaussian_denoiser(schedule), x_T, schedule,
                                {.sampler = sampler, .steps = steps, .eta = eta},
                                [&] { return torch::randn_like(x_T); });
  EXPECT_NEAR(x.mean().item<double>(), kMean, tolerance);
  EXPECT_NEAR(x.std().item<double>(), kDeviation, tolerance);
}

TEST(Samplers, ExactGaussianDenoiserGivesTheDataBack) {
  for (const char* type : {"epsilon", "v_prediction", "sample"}) {
    expect_gaussian("ddim", type, 0, 100, 0.015);
    expect_gaussian("ddim", type, 1, 200, 0.015);
  }
  for (const char* type : {"epsilon", "v_prediction"}) {
    expect_gaussian("pndm", type, 0, 50, 0.015);
  }
}

TEST(Samplers, MoreStepsComeNearer) {
  const NoiseSchedule schedule(sd_config("ddim", "epsilon"));
  const auto x_T = torch::full({1}, 1.5, torch::kDouble);
  const auto run = [&](std::int64_t steps) {
    return ddim(gaussian_denoiser(schedule), x_T, schedule, steps).item<double>();
  };
  const double exact = run(999);
  EXPECT_LT(std::abs(run(100) - exact), std::abs(run(10) - exact));
  const NoiseSchedule pndm_schedule(sd_config("pndm", "epsilon"));
  const double pndm_25 = pndm(gaussian_denoiser(pndm_schedule), x_T, pndm_schedule, 25).item<double>();
  EXPECT_LT(std::abs(pndm_25 - exact), std::abs(run(25) - exact)) << "a multistep sampler needs fewer steps";
}

TEST(Samplers, ClipSampleKeepsX0InItsRange) {
  SchedulerConfig config;
  config.clip_sample_range = 0.25;
  const NoiseSchedule schedule(config);
  const auto zero = [](const torch::Tensor& x, std::int64_t) { return torch::zeros_like(x); };
  EXPECT_EQ(ddim(zero, torch::tensor({-9.0, 9.0}), schedule, 10).abs().max().item<double>(), 0.25);
  config.clip_sample = false;
  EXPECT_GT(ddim(zero, torch::tensor({-9.0, 9.0}), NoiseSchedule(config), 10).abs().max().item<double>(), 9);
}

TEST(Samplers, StopWhenAsked) {
  for (const std::string& name : sampler_names()) {
    for (const bool skip : {true, false}) {
      SchedulerConfig config = config_of_sampler(SchedulerConfig{}, name);
      config.skip_prk_steps = skip;
      const NoiseSchedule schedule(config);
      for (int allowed = 0; allowed < 6; ++allowed) {
        int calls = 0;
        const auto count = [&](const torch::Tensor& x, std::int64_t) {
          ++calls;
          return x * 0;
        };
        const auto x = sample_latents(count, torch::ones({1}), schedule, {.sampler = name, .steps = 20}, {},
                                      [&] { return calls <= allowed; });
        EXPECT_FALSE(x.defined());
        // A Runge-Kutta step is asked after its last call.
        EXPECT_LE(calls, name == "pndm" && !skip ? 8 : allowed + 1);
      }
    }
  }
}

TEST(Samplers, SamplerTakesDefaultsOfItsOwnClass) {
  SchedulerConfig pndm_config;
  pndm_config.class_name = "PNDMScheduler";
  EXPECT_FALSE(pndm_config.clips_sample());
  EXPECT_FALSE(pndm_config.sets_alpha_to_one());
  const SchedulerConfig ddim_config = config_of_sampler(pndm_config, "ddim");
  EXPECT_TRUE(ddim_config.clips_sample());
  EXPECT_TRUE(ddim_config.sets_alpha_to_one());
  pndm_config.clip_sample = false;
  EXPECT_FALSE(config_of_sampler(pndm_config, "ddim").clips_sample());
}

TEST(Samplers, Errors) {
  EXPECT_ERROR(config_of_sampler({}, "dimm"), "sampler dimm: there is none of this name; did you mean ddim?");
  SchedulerConfig config;
  config.class_name = "DDPMScheduler";
  EXPECT_ERROR(default_sampler(config),
               "a DDPMScheduler, for which there is no sampler; choose one with --sampler");
  EXPECT_ERROR(ddim_timesteps({}, 0), "0 steps: expected 1 to 1000");
  EXPECT_ERROR(ddim_timesteps({}, 1001), "1001 steps: expected 1 to 1000");
  config.steps_offset = 1;
  EXPECT_ERROR(ddim_timesteps(config, 1000),
               "1000 steps: with steps_offset 1 the first timestep would be 1000");
  EXPECT_ERROR(pndm_timesteps({}, 3), "3 steps: PNDM with Runge-Kutta steps");
  config.prediction_type = "sample";
  const auto zero = [](const torch::Tensor& x, std::int64_t) { return x; };
  EXPECT_ERROR(pndm(zero, torch::ones({1}), NoiseSchedule(config), 10),
               "needs another sampler, such as ddim");
}

TEST(Guidance, IsLinearAndOffAtOne) {
  const auto u = torch::tensor({1.0, 2.0}), c = torch::tensor({2.0, 0.0});
  EXPECT_TRUE(torch::equal(guide(u, c, 1), c));
  EXPECT_TRUE(torch::equal(guide(u, c, 0), u));
  EXPECT_TRUE(torch::equal(guide(u, c, 3), torch::tensor({4.0, -4.0})));
  EXPECT_FALSE(needs_guidance(1));
  EXPECT_TRUE(needs_guidance(1.5));
}

}  // namespace
}  // namespace medisyn
