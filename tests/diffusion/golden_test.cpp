// Samplers against trajectories of diffusers' schedulers (scripts/golden/schedulers.py).
#include <gtest/gtest.h>
#include <torch/types.h>

#include <nlohmann/json.hpp>

#include "medisyn/core/files.h"
#include "medisyn/diffusion/ddim.h"
#include "medisyn/diffusion/pndm.h"
#include "medisyn/diffusion/sampler.h"

namespace medisyn {
namespace {

nlohmann::json golden() {
  return nlohmann::json::parse(read_file(fs::path(MEDISYN_TEST_DATA) / "schedulers.json"));
}

SchedulerConfig config_of(const nlohmann::json& json) {
  return config_from_node<SchedulerConfig>(parse_config_text(json.dump(), "golden"));
}

torch::Tensor start() { return torch::tensor({-2.0F, -1.1F, -0.5F, -0.1F, 0.2F, 0.7F, 1.3F, 2.4F}); }

torch::Tensor model(const torch::Tensor& x, std::int64_t t) {
  return 0.4 * x + 0.2 * torch::sin(2 * x + static_cast<double>(t) / 100);
}

torch::Tensor tensor_of(const nlohmann::json& json) { return torch::tensor(json.get<std::vector<float>>()); }

double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a - b).abs() / b.abs().clamp_min(1)).max().item<double>();
}

TEST(Golden, TrajectoriesOfTheReference) {
  int cases = 0;
  const auto all = golden();
  for (const auto& line : all["trajectories"]) {
    SCOPED_TRACE(line["name"].get<std::string>());
    const SchedulerConfig config = config_of(line["config"]);
    const NoiseSchedule schedule(config);
    const std::string sampler = default_sampler(config);
    const SamplerOptions options{
        .sampler = sampler, .steps = line["steps"].get<std::int64_t>(), .eta = line["eta"].get<double>()};
    std::vector<std::int64_t> called;
    const DenoiseFn denoise = [&](const torch::Tensor& x, std::int64_t t) {
      called.push_back(t);
      return model(x, t);
    };
    int draws = 0;
    const NoiseFn noise = [&] { return torch::cos(torch::arange(8) + 3.0 * draws++); };
    const auto x = sample_latents(denoise, start(), schedule, options, noise);
    EXPECT_EQ(called, line["timesteps"].get<std::vector<std::int64_t>>());
    EXPECT_EQ(static_cast<std::int64_t>(called.size()), denoiser_calls(config, options));
    EXPECT_EQ(x.scalar_type(), torch::kFloat);
    EXPECT_LT(largest_difference(x, tensor_of(line["x"])), 1e-5);
    ++cases;
  }
  EXPECT_EQ(cases, 23);
}

TEST(Golden, AlphasCumprodOfTheReference) {
  const auto all = golden();
  for (const auto& line : all["trajectories"]) {
    const NoiseSchedule schedule(config_of(line["config"]));
    const auto expected = tensor_of(line["alphas_cumprod"]);
    const auto& alphas = schedule.alphas_cumprod;
    const auto some = torch::cat({alphas.slice(0, 0, c10::nullopt, alphas.numel() / 8), alphas.slice(0, -1)});
    EXPECT_LT(((some - expected).abs() / expected.clamp_min(1e-6)).max().item<double>(), 1e-5)
        << line["name"];
  }
}

TEST(Golden, SpacingsOfTheReference) {
  int cases = 0;
  const auto all = golden();
  for (const auto& line : all["spacings"]) {
    SchedulerConfig config;
    config.timestep_spacing = line["spacing"];
    const auto timesteps = ddim_timesteps(config, line["steps"]);
    std::int64_t sum = 0, weighted = 0;
    for (std::size_t i = 0; i < timesteps.size(); ++i) {
      sum += timesteps[i];
      weighted += timesteps[i] * static_cast<std::int64_t>(i);
    }
    EXPECT_EQ(timesteps.size(), line["count"]) << line;
    EXPECT_EQ(timesteps.front(), line["first"]) << line;
    EXPECT_EQ(timesteps.back(), line["last"]) << line;
    EXPECT_EQ(sum, line["sum"]) << line;
    EXPECT_EQ(weighted, line["weighted"]) << line;
    ++cases;
  }
  EXPECT_EQ(cases, 102);
}

}  // namespace
}  // namespace medisyn
