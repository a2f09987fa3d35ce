// The forward process and the targets, in closed form.
#include "medisyn/diffusion/schedule.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "../expect_error.h"

namespace medisyn {
namespace {

TEST(NoiseSchedule, EndsOfTheBetas) {
  const NoiseSchedule schedule(stable_diffusion_scheduler());
  EXPECT_EQ(schedule.betas.numel(), 1000);
  EXPECT_NEAR(schedule.betas[0].item<double>(), 0.00085, 1e-9);
  EXPECT_NEAR(schedule.betas[999].item<double>(), 0.012, 1e-8);
  EXPECT_NEAR(schedule.alpha_bar(0), 0.99915, 1e-7);
  EXPECT_NEAR(schedule.alpha_bar(999), 0.0047, 1e-4);
  EXPECT_EQ(schedule.alpha_bar(-1), schedule.alpha_bar(0)) << "set_alpha_to_one is false in SD 1.4";
  EXPECT_EQ(NoiseSchedule(SchedulerConfig{}).alpha_bar(-20), 1.0);
  EXPECT_THROW(schedule.alpha_bar(1000), c10::Error);
}

TEST(NoiseSchedule, ZeroTerminalSnrKeepsTheFirstAlphaAndEndsAtZero) {
  SchedulerConfig config = stable_diffusion_scheduler();
  config.class_name = "DDIMScheduler";
  const double first = NoiseSchedule(config).alpha_bar(0);
  config.rescale_betas_zero_snr = true;
  EXPECT_ERROR(NoiseSchedule{config}, "rescale_betas_zero_snr");
  config.prediction_type = "v_prediction";
  const NoiseSchedule schedule(config);
  EXPECT_NEAR(schedule.alpha_bar(0), first, 1e-6);
  EXPECT_EQ(schedule.alpha_bar(999), 0.0);
  config.class_name = "EulerDiscreteScheduler";
  EXPECT_EQ(NoiseSchedule(config).alpha_bar(999), std::exp2(-24)) << "a noise level must be finite";
  config.class_name = "PNDMScheduler";
  EXPECT_ERROR(NoiseSchedule{config}, "rescale_betas_zero_snr: PNDM divides by zero");
}

TEST(AddNoise, MixesEachItemAtItsOwnTimestep) {
  const NoiseSchedule schedule(stable_diffusion_scheduler());
  const auto x0 = torch::full({3, 2, 2}, 2.0F), noise = torch::full({3, 2, 2}, -1.0F);
  const auto x = add_noise(schedule, x0, noise, torch::tensor({0, 500, 999}, torch::kLong));
  for (int i = 0; i < 3; ++i) {
    const double a = schedule.alpha_bar(std::vector<std::int64_t>{0, 500, 999}[i]);
    EXPECT_NEAR(x[i][1][1].item<double>(), 2 * std::sqrt(a) - std::sqrt(1 - a), 1e-6);
  }
  EXPECT_EQ(add_noise(schedule, x0.to(torch::kBFloat16), noise.to(torch::kBFloat16),
                      torch::zeros({3}, torch::kLong))
                .scalar_type(),
            torch::kBFloat16);
  EXPECT_THROW(add_noise(schedule, x0, noise, torch::zeros({2}, torch::kLong)), c10::Error);
}

TEST(AddNoise, HasUnitVarianceForUnitData) {
  torch::manual_seed(2);
  const NoiseSchedule schedule(stable_diffusion_scheduler());
  const auto t = torch::full({4}, 300, torch::kLong);
  const auto x = add_noise(schedule, torch::randn({4, 20000}), torch::randn({4, 20000}), t);
  EXPECT_NEAR(x.var().item<double>(), 1, 0.02);
}

TEST(PredictionTarget, ThreeKindsAgreeWithTheNoisyImage) {
  torch::manual_seed(3);
  const NoiseSchedule schedule(stable_diffusion_scheduler());
  const auto x0 = torch::randn({2, 3}), noise = torch::randn({2, 3}),
             t = torch::tensor({10, 900}, torch::kLong);
  EXPECT_TRUE(torch::equal(prediction_target(schedule, "epsilon", x0, noise, t), noise));
  EXPECT_TRUE(torch::equal(prediction_target(schedule, "sample", x0, noise, t), x0));
  const auto v = prediction_target(schedule, "v_prediction", x0, noise, t);
  const auto a = schedule.alphas_cumprod.index_select(0, t).unsqueeze(1);
  const auto x_t = add_noise(schedule, x0, noise, t);
  EXPECT_TRUE(torch::allclose(a.sqrt() * x_t - (1 - a).sqrt() * v, x0, 1e-4, 1e-5)) << "v gives x_0 back";
  EXPECT_TRUE(torch::allclose(a.sqrt() * v + (1 - a).sqrt() * x_t, noise, 1e-4, 1e-5)) << "and the noise";
  EXPECT_THROW(prediction_target(schedule, "x", x0, noise, t), c10::Error);
  const double signal = std::sqrt(schedule.alpha_bar(10)), deviation = std::sqrt(1 - schedule.alpha_bar(10));
  for (const char* type : {"epsilon", "sample", "v_prediction"}) {
    const auto target = prediction_target(schedule, type, x0, noise, t);
    EXPECT_TRUE(torch::allclose(predicted_x0(type, target[0], x_t[0], signal, deviation), x0[0], 1e-4, 1e-5))
        << type;
  }
}

}  // namespace
}  // namespace medisyn
