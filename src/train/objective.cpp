#include "medisyn/train/objective.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/autocast_mode.h>

#include <map>

namespace medisyn {

torch::Tensor noise_of(const std::vector<SampleDraw>& draws, std::string_view purpose,
                       torch::IntArrayRef shape) {
  std::vector<torch::Tensor> noise;
  for (const SampleDraw& draw : draws) {
    noise.push_back(torch::randn(shape, at::make_generator<at::CPUGeneratorImpl>(draw.key(purpose))));
  }
  return torch::stack(noise);
}

Scores mean_scores(const std::string& prefix, const std::vector<double>& values,
                   const std::vector<std::string>& types) {
  double total = 0;
  std::map<std::string, std::pair<double, std::int64_t>> by_type;
  for (std::size_t i = 0; i < values.size(); ++i) {
    total += values[i];
    auto& [sum, count] = by_type[types[i]];
    sum += values[i];
    ++count;
  }
  Scores scores = {{prefix, total / static_cast<double>(values.size())}};
  for (const auto& [type, entry] : by_type) {
    if (!type.empty()) {
      scores.emplace_back(prefix + "/" + type, entry.first / static_cast<double>(entry.second));
    }
  }
  return scores;
}

Autocast::Autocast(const std::string& precision, torch::Device device)
    : enabled_(precision == "bf16"), type_(device.type()) {
  if (enabled_) {
    at::autocast::set_autocast_enabled(type_, true);
    at::autocast::set_autocast_dtype(type_, torch::kBFloat16);
    at::autocast::increment_nesting();
  }
}

Autocast::~Autocast() {
  if (enabled_) {
    if (at::autocast::decrement_nesting() == 0) {
      at::autocast::clear_cache();
    }
    at::autocast::set_autocast_enabled(type_, false);
  }
}

}  // namespace medisyn
