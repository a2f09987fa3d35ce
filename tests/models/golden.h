// Outputs and gradients of the reference libraries (scripts/golden/models.py) at small sizes, and the formula
// that their weights and inputs are made by.
#pragma once

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <cmath>
#include <map>
#include <string>

#include "medisyn/core/config.h"
#include "medisyn/core/files.h"

namespace medisyn {

/// sin(0.37 i + phase), i counting through the tensor.
inline torch::Tensor wave(torch::IntArrayRef shape, double phase) {
  const torch::Tensor angle = torch::arange(c10::multiply_integers(shape), torch::kDouble) * 0.37 + phase;
  return torch::sin(angle).reshape(shape).to(torch::kFloat);
}

/// Parameters by the name that the reference gives them: transformers 5 has no `text_model.`
inline std::map<std::string, torch::Tensor> sorted_parameters(const torch::nn::Module& model) {
  constexpr std::string_view kPrefix = "text_model.";
  std::map<std::string, torch::Tensor> parameters;
  for (const auto& item : model.named_parameters()) {
    parameters[item.key().starts_with(kPrefix) ? item.key().substr(kPrefix.size()) : item.key()] =
        item.value();
  }
  return parameters;
}

inline void fill(torch::nn::Module& model) {
  const torch::NoGradGuard no_grad;
  int index = 0;
  for (auto& [name, parameter] : sorted_parameters(model)) {
    const torch::Tensor values = wave(parameter.sizes(), 1.3 * index++);
    if (parameter.dim() > 1) {
      const auto fan_in = static_cast<double>(parameter.numel() / parameter.size(0));
      parameter.copy_(values * (1.2 / std::sqrt(fan_in)));
    } else {
      parameter.copy_(values * 0.1 + (name.ends_with("weight") ? 1.0 : 0.0));
    }
  }
}

template <class Config>
Config config_of(const Json& json) {
  return config_from_node<Config>(parse_config_text(json.dump(), "models.json"));
}

struct Tolerances {
  double output = 2e-5;    ///< of the largest value
  double gradient = 1e-4;  ///< of the gradient's norm
};

/// golden[key], in the shape of `output`.
inline torch::Tensor expected_output(const Json& golden, const char* key, const torch::Tensor& output) {
  EXPECT_EQ(output.sizes().vec(), golden["shape"].get<std::vector<std::int64_t>>());
  return torch::tensor(golden[key].get<std::vector<double>>(), torch::kDouble).reshape(output.sizes());
}

inline double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

/// Every value of the output and every parameter's gradient.
inline void expect_equal(const Json& golden, torch::nn::Module& model, const torch::Tensor& output,
                         const Tolerances& tolerances = {}) {
  const torch::Tensor expected = expected_output(golden, "output", output);
  EXPECT_LE(largest_difference(output.detach(), expected),
            tolerances.output * expected.abs().max().item<double>());
  model.zero_grad();
  (output * wave(output.sizes(), 0.2)).sum().backward();
  const auto parameters = sorted_parameters(model);
  EXPECT_EQ(parameters.size(), golden["gradients"].size());
  double largest = 0;
  for (const auto& [name, values] : golden["gradients"].items()) {
    largest = std::max(largest, values[0].get<double>());
  }
  for (const auto& [name, values] : golden["gradients"].items()) {
    ASSERT_TRUE(parameters.contains(name)) << name;
    const torch::Tensor& parameter = parameters.at(name);
    const torch::Tensor gradient =
        parameter.grad().defined() ? parameter.grad() : torch::zeros_like(parameter);
    const double norm = values[0];
    // Gradients that vanish in exact arithmetic (a bias in front of a normalisation) are rounding alone.
    const double bound = tolerances.gradient * std::max(norm, 1e-3 * largest);
    EXPECT_NEAR(gradient.norm().item<double>(), norm, bound) << name;
    EXPECT_NEAR((gradient * wave(gradient.sizes(), 0.5)).sum().item<double>(), values[1].get<double>(),
                bound * std::sqrt(static_cast<double>(gradient.numel())))
        << name;
  }
}

/// One entry of tests/golden/FILE.json.
inline Json golden_entry(const std::string& file, const std::string& name) {
  static std::map<std::string, Json> files;
  const auto [entry, is_new] = files.try_emplace(file);
  if (is_new) {
    entry->second = Json::parse(read_file(fs::path(MEDISYN_TEST_DATA) / (file + ".json")));
  }
  return entry->second.at(name);
}

}  // namespace medisyn
