// Samplers against trajectories of diffusers' schedulers (scripts/golden/schedulers.py).
#include <gmock/gmock.h>
#include <torch/types.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "medisyn/core/files.h"
#include "medisyn/diffusion/ddim.h"
#include "medisyn/diffusion/pndm.h"
#include "medisyn/diffusion/sampler.h"

namespace medisyn {
namespace {

using testing::DoubleNear;
using testing::Pointwise;

nlohmann::json golden() {
  return nlohmann::json::parse(read_file(fs::path(MEDISYN_TEST_DATA) / "schedulers.json"));
}

/// Keys of the reference's defaults for what is refused or has no effect here.
const std::set<std::string> kNotHeld{"dynamic_thresholding_ratio", "sample_max_value",     "flow_shift",
                                     "lambda_min_clipped",         "use_dynamic_shifting", "time_shift_type"};

/// The value that a written config has for diffusers: what stands there, or the class's default.
nlohmann::json value_of(const nlohmann::json& json, const std::string& key, const nlohmann::json& otherwise) {
  return json.contains(key) ? json[key] : otherwise;
}

SchedulerConfig config_of(const nlohmann::json& json) {
  return config_from_node<SchedulerConfig>(parse_config_text(json.dump(), "golden"));
}

torch::Tensor start() { return torch::tensor({-2.0F, -1.1F, -0.5F, -0.1F, 0.2F, 0.7F, 1.3F, 2.4F}); }

torch::Tensor model(const torch::Tensor& x, double t) { return 0.4 * x + 0.2 * torch::sin(2 * x + t / 100); }

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
    std::vector<double> called;
    const DenoiseFn denoise = [&](const torch::Tensor& x, double t) {
      called.push_back(t);
      return model(x, t);
    };
    int draws = 0;
    const NoiseFn noise = [&] { return torch::cos(torch::arange(8) + 3.0 * draws++); };
    const auto x = sample_latents(denoise, start(), schedule, options, noise);
    // Whole timesteps are exact; Karras's come out of logarithms that the reference takes in fp32.
    EXPECT_THAT(called, Pointwise(DoubleNear(1e-3), line["timesteps"].get<std::vector<double>>()));
    EXPECT_EQ(static_cast<std::int64_t>(called.size()), denoiser_calls(config, options));
    EXPECT_EQ(x.scalar_type(), torch::kFloat);
    EXPECT_LT(largest_difference(x, tensor_of(line["x"])), 1e-5);
    ++cases;
  }
  EXPECT_EQ(cases, 100);
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
    config.timestep_spacing = line["spacing"].get<std::string>();
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

TEST(Golden, DefaultsOfEachClassAreThoseOfTheReference) {
  int classes = 0;
  const auto all = golden();
  for (const auto& line : all["defaults"]) {
    SCOPED_TRACE(line["class"].get<std::string>());
    const auto& defaults = line["keys"];
    const SchedulerConfig config = config_of({{"_class_name", line["class"]}});
    const nlohmann::json ours = scheduler_to_json(config);
    for (const auto& [key, value] : ours.items()) {
      EXPECT_EQ(value, key == "_class_name" ? line["class"] : defaults.at(key)) << key;
    }
    const std::map<std::string, nlohmann::json> resolved{
        {"timestep_spacing", config.spacing()},
        {"clip_sample", config.clips_sample()},
        {"set_alpha_to_one", config.sets_alpha_to_one()},
        {"variance_type", config.class_name == "DDPMScheduler" ? "fixed_small" : nlohmann::json()},
        {"sigma_min", nullptr},
        {"sigma_max", nullptr}};
    for (const auto& [key, value] : defaults.items()) {
      if (const auto found = resolved.find(key); found != resolved.end()) {
        EXPECT_EQ(found->second, value) << key;
        EXPECT_FALSE(ours.contains(key)) << key << " was not set";
      } else {
        EXPECT_TRUE(ours.contains(key) || kNotHeld.contains(key)) << key;
      }
    }
    ++classes;
  }
  EXPECT_EQ(classes, 6);
}

TEST(Golden, AnotherClassReadsAFileAsFromConfigDoes) {
  const auto all = golden();
  std::map<std::string, nlohmann::json> defaults;
  for (const auto& line : all["defaults"]) {
    defaults[line["class"]] = line["keys"];
  }
  int cases = 0;
  for (const auto& line : all["from_config"]) {
    for (const std::string& sampler : sampler_names()) {
      const SchedulerConfig config = config_of_sampler(config_of(line["file"]), sampler);
      SCOPED_TRACE(line["file"].dump() + " by " + sampler);
      const nlohmann::json ours = scheduler_to_json(config);
      const auto& expected = line["differ_from_defaults"][config.class_name];
      for (const auto& [key, value] : defaults[config.class_name].items()) {
        if (!kNotHeld.contains(key)) {
          EXPECT_EQ(value_of(ours, key, value), value_of(expected, key, value)) << key;
        }
      }
      ++cases;
    }
  }
  EXPECT_EQ(cases, 48);
}

}  // namespace
}  // namespace medisyn
