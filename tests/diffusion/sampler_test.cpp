// Samplers in closed form, their properties and their errors.
#include "medisyn/diffusion/sampler.h"

#include <gmock/gmock.h>
#include <torch/types.h>

#include <cmath>
#include <tuple>

#include "../expect_error.h"
#include "medisyn/diffusion/ddim.h"
#include "medisyn/diffusion/dpmpp_2m.h"
#include "medisyn/diffusion/euler.h"
#include "medisyn/diffusion/guidance.h"
#include "medisyn/diffusion/pndm.h"

namespace medisyn {
namespace {

constexpr double kMean = 0.7, kDeviation = 0.4;

/// The exact denoiser of data that are normal with mean kMean and deviation kDeviation:
/// E[noise | x_t] = sqrt(1 - a) (x_t - sqrt(a) m) / (a s^2 + 1 - a).
DenoiseFn gaussian_denoiser(const NoiseSchedule& schedule) {
  return [&schedule, sigmas = training_sigmas(schedule)](const torch::Tensor& x, double t) {
    const double a = std::pow(signal_and_noise(sigma_at(sigmas, t)).signal, 2);
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
  const double a = schedule.alpha_bar(spaced_timesteps(schedule.config, steps).back());
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
  for (const char* type : {"epsilon", "v_prediction", "sample"}) {
    expect_gaussian("ddpm", type, 0, 400, 0.015);
    expect_gaussian("euler", type, 0, 100, 0.015);
    expect_gaussian("dpmpp_2m", type, 0, 100, 0.015);
  }
  for (const char* type : {"epsilon", "v_prediction"}) {
    expect_gaussian("pndm", type, 0, 50, 0.015);
    expect_gaussian("euler_a", type, 0, 400, 0.015);
  }
}

/// |x - what a perfect solver gives|, from 1.5 standard deviations at the first level. Over x = x_0 + sigma
/// noise the flow keeps (x - m) / sqrt(s^2 + sigma^2). The denoiser knows the level of each call: timesteps
/// may be rounded.
double error_of(const std::string& sampler, std::int64_t steps) {
  SchedulerConfig config = sd_config(sampler, "epsilon");
  config.use_karras_sigmas = true;
  config.final_sigmas_type = "sigma_min";
  config.lower_order_final = false;
  const NoiseSchedule schedule(config);
  const NoiseLevels levels =
      sampler == "euler" ? euler_levels(schedule, steps) : dpmpp_2m_levels(schedule, steps);
  std::size_t call = 0;
  const auto exact = [&](const torch::Tensor& x, double) {
    const auto [signal, noise] = signal_and_noise(levels.sigmas[call++]);
    return noise * (x - signal * kMean) / (std::pow(signal * kDeviation, 2) + noise * noise);
  };
  const auto x_T = torch::full({1}, 1.5, torch::kDouble);
  const double first = levels.sigmas.front(), last = levels.sigmas.back();
  const double start = 1.5 * (sampler == "euler" ? first : std::hypot(first, 1.0));
  double x = sample_latents(exact, x_T, schedule, {.sampler = sampler, .steps = steps}).item<double>();
  x = sampler == "euler" ? x : x / signal_and_noise(last).signal;
  return std::abs(x - kMean - (start - kMean) * std::hypot(kDeviation, last) / std::hypot(kDeviation, first));
}

TEST(Samplers, ErrorFallsWithTheOrderOfTheSolver) {
  EXPECT_NEAR(error_of("euler", 40) / error_of("euler", 80), 2, 0.1);
  EXPECT_NEAR(error_of("dpmpp_2m", 40) / error_of("dpmpp_2m", 80), 4, 0.4);
  EXPECT_LT(error_of("dpmpp_2m", 20), error_of("euler", 20) / 5);
}

TEST(NoiseLevels, LevelsAndTimestepsAreInverse) {
  const auto sigmas = training_sigmas(NoiseSchedule(stable_diffusion_scheduler()));
  EXPECT_EQ(sigmas.size(), 1000);
  EXPECT_NEAR(sigmas.front(), 0.0292, 1e-4);
  EXPECT_NEAR(sigmas.back(), 14.61, 1e-2) << "the published range of Stable Diffusion";
  for (const double t : {0.0, 1.0, 400.0, 999.0}) {
    EXPECT_NEAR(timestep_at(sigmas, sigma_at(sigmas, t)), t, 1e-9);
  }
  EXPECT_NEAR(timestep_at(sigmas, sigma_at(sigmas, 20.5)), 20.5, 0.01)
      << "linear in log sigma on the way back";
  EXPECT_EQ(timestep_at(sigmas, 0.001), 0);
  EXPECT_EQ(timestep_at(sigmas, 100), 999);
  const auto karras = karras_sigmas({}, 80, 0.002, 3);
  EXPECT_NEAR(karras[0], 80, 1e-9);
  EXPECT_NEAR(karras[1], 2.5152, 1e-3) << "the middle of the roots, to the seventh";
  EXPECT_NEAR(karras[2], 0.002, 1e-9);
}

TEST(Samplers, AncestralSamplersDrawOnceAStep) {
  for (const auto& [name, offset, draws] : std::vector<std::tuple<std::string, std::int64_t, int>>{
           {"ddpm", 0, 9}, {"ddpm", 1, 10}, {"euler_a", 0, 10}, {"ddim", 0, 0}, {"euler", 0, 0}}) {
    SchedulerConfig config = config_of_sampler(SchedulerConfig{}, name);
    config.steps_offset = offset;
    config.timestep_spacing = "leading";
    int drawn = 0;
    sample_latents([](const torch::Tensor& x, double) { return x * 0; }, torch::ones({1}),
                   NoiseSchedule(config), {.sampler = name, .steps = 10},
                   [&drawn] {
                     ++drawn;
                     return torch::zeros({1});
                   });
    EXPECT_EQ(drawn, draws) << name << " from an offset of " << offset << ": none after timestep 0 of ddpm";
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
  const auto zero = [](const torch::Tensor& x, double) { return torch::zeros_like(x); };
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
        const auto count = [&](const torch::Tensor& x, double) {
          ++calls;
          return x * 0;
        };
        const auto x = sample_latents(
            count, torch::ones({1}), schedule, {.sampler = name, .steps = 20},
            [] { return torch::zeros({1}); }, [&] { return calls <= allowed; });
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
  EXPECT_ERROR(config_of_sampler({}, "ddimm"),
               "sampler ddimm: there is none of this name; did you mean ddim?");
  SchedulerConfig config;
  config.class_name = "UniPCMultistepScheduler";
  EXPECT_ERROR(default_sampler(config),
               "a UniPCMultistepScheduler, for which there is no sampler; choose one with --sampler");
  EXPECT_ERROR(ddim_timesteps({}, 0), "0 steps: expected 1 to 1000");
  EXPECT_ERROR(ddim_timesteps({}, 1001), "1001 steps: expected 1 to 1000");
  config.class_name = "DDIMScheduler";
  config.steps_offset = 1;
  EXPECT_ERROR(ddim_timesteps(config, 1000),
               "1000 steps: with steps_offset 1 the first timestep would be 1000");
  EXPECT_ERROR(pndm_timesteps({}, 3), "3 steps: PNDM with Runge-Kutta steps");
  config.prediction_type = "sample";
  const auto zero = [](const torch::Tensor& x, double) { return x; };
  EXPECT_ERROR(pndm(zero, torch::ones({1}), NoiseSchedule(config), 10),
               "needs another sampler, such as ddim");
}

void expect_refused(const std::string& sampler, const SchedulerConfig& config, std::int64_t steps,
                    const std::string& message) {
  const SchedulerConfig own = config_of_sampler(config, sampler);
  const SamplerOptions options{.sampler = sampler, .steps = steps};
  EXPECT_ERROR(denoiser_calls(own, options), message);
  EXPECT_ERROR(sample_latents([](const torch::Tensor& x, double) { return x; }, torch::ones({1}),
                              NoiseSchedule(own), options, [] { return torch::zeros({1}); }),
               message);
}

TEST(Samplers, KeysThatCannotBeHonouredAreNamed) {
  SchedulerConfig config;
  config.variance_type = "learned_range";
  expect_refused("ddpm", config, 10, "variance_type learned_range: ddpm knows fixed_small");
  expect_refused("dpmpp_2m", config, 10, "variance_type learned_range: dpmpp_2m knows no model");
  EXPECT_EQ(denoiser_calls(config, {.sampler = "ddim", .steps = 10}), 10) << "without effect there";
  config = {};
  config.algorithm_type = "sde-dpmsolver++";
  expect_refused("dpmpp_2m", config, 10, "algorithm_type sde-dpmsolver++: dpmpp_2m knows dpmsolver++ alone");
  config = {};
  config.solver_order = 3;
  expect_refused("dpmpp_2m", config, 10, "solver_order 3: dpmpp_2m knows 1 and 2");
  config = {};
  expect_refused("dpmpp_2m", config, 1000, "1000 steps: dpmpp_2m expects 1 to 999");
  for (const char* sampler : {"ddpm", "euler", "euler_a"}) {
    expect_refused(sampler, config, 1001, "1001 steps: expected 1 to 1000");
  }
  config.prediction_type = "sample";
  expect_refused("euler_a", config, 10, "prediction_type sample: euler_a knows epsilon and v_prediction");
}

TEST(Guidance, IsLinearAndOffAtOne) {
  const auto u = torch::tensor({1.0, 2.0}), c = torch::tensor({2.0, 0.0});
  EXPECT_TRUE(torch::equal(guide(u, c, 1), c));
  EXPECT_TRUE(torch::equal(guide(u, c, 0), u));
  EXPECT_TRUE(torch::equal(guide(u, c, 3), torch::tensor({4.0, -4.0})));
  EXPECT_FALSE(needs_guidance(1));
  EXPECT_TRUE(needs_guidance(1.5));
}

TEST(Guidance, RescaleGivesTheDeviationOfTheConditionalPrediction) {
  torch::manual_seed(4);
  const auto guided = 3 * torch::randn({2, 4, 5, 5}) + 1, conditional = torch::randn({2, 4, 5, 5});
  EXPECT_TRUE(torch::equal(rescale_guidance(guided, conditional, 0), guided));
  const auto deviation = [](const torch::Tensor& x) { return x.flatten(1).std(1); };
  const auto full = rescale_guidance(guided, conditional, 1);
  EXPECT_TRUE(torch::allclose(deviation(full), deviation(conditional))) << "each item its own";
  EXPECT_TRUE(torch::allclose(rescale_guidance(guided, conditional, 0.7), 0.7 * full + 0.3 * guided));
}

}  // namespace
}  // namespace medisyn
