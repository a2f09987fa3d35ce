#include "medisyn/dist/peak_flops.h"

#include <algorithm>
#include <string_view>

#include "medisyn/dist/cuda.h"

namespace medisyn {
namespace {

/// Operations per second.
struct Peaks {
  double half;  ///< fp16, and bf16 where there is one
  double single;
  bool has_bfloat16 = true;
};

struct Gpu {
  std::string_view name;  ///< without what without_brand() takes away
  Peaks peaks;
};

constexpr Peaks kV100Sxm{.half = 125e12, .single = 15.7e12, .has_bfloat16 = false};
constexpr Peaks kV100Pcie{.half = 112e12, .single = 14e12, .has_bfloat16 = false};
constexpr Peaks kA100{.half = 312e12, .single = 19.5e12};
constexpr Peaks kHopperSxm{.half = 989e12, .single = 67e12};
constexpr Peaks kHopperNvl{.half = 835e12, .single = 60e12};

/// Whole names: a prefix would take an RTX 3090 Ti for a 3090 and a seventh of an A100 for a whole one.
constexpr Gpu kGpus[] = {
    {"V100-SXM2-16GB", kV100Sxm},
    {"V100-SXM2-32GB", kV100Sxm},
    {"V100-PCIE-16GB", kV100Pcie},
    {"V100-PCIE-32GB", kV100Pcie},
    {"V100S-PCIE-32GB", {.half = 130e12, .single = 16.4e12, .has_bfloat16 = false}},
    {"T4", {.half = 65e12, .single = 8.1e12, .has_bfloat16 = false}},
    {"A100-SXM4-40GB", kA100},
    {"A100-SXM4-80GB", kA100},
    {"A100-PCIE-40GB", kA100},
    {"A100 80GB PCIe", kA100},
    {"A40", {.half = 149.7e12, .single = 37.4e12}},
    {"A30", {.half = 165e12, .single = 10.3e12}},
    {"A10", {.half = 125e12, .single = 31.2e12}},
    {"RTX A6000", {.half = 154.8e12, .single = 38.7e12}},
    {"RTX 3090", {.half = 71e12, .single = 35.6e12}},
    {"RTX 4090", {.half = 165e12, .single = 82.6e12}},
    {"RTX 6000 Ada Generation", {.half = 364.2e12, .single = 91.1e12}},
    {"L40S", {.half = 362e12, .single = 91.6e12}},
    {"L40", {.half = 181e12, .single = 90.5e12}},
    {"L4", {.half = 121e12, .single = 30.3e12}},
    {"H100 80GB HBM3", kHopperSxm},
    {"H100 PCIe", {.half = 756e12, .single = 51e12}},
    {"H100 NVL", kHopperNvl},
    {"GH200 480GB", kHopperSxm},
    {"H200", kHopperSxm},
    {"H200 NVL", kHopperNvl},
    {"B200", {.half = 2250e12, .single = 75e12}},
    {"RTX 5090", {.half = 209.5e12, .single = 104.8e12}},
};

/// Drivers write "NVIDIA ", older ones not.
std::string_view without_brand(std::string_view name) {
  for (const std::string_view brand : {"NVIDIA ", "Tesla ", "GeForce "}) {
    if (name.starts_with(brand)) {
      name.remove_prefix(brand.size());
    }
  }
  return name;
}

}  // namespace

std::optional<double> peak_flops_of_gpu(const std::string& gpu_name, torch::ScalarType dtype) {
  const std::string_view name = without_brand(gpu_name);
  const auto* gpu = std::ranges::find(kGpus, name, &Gpu::name);
  if (gpu == std::end(kGpus)) {
    return std::nullopt;
  }
  switch (dtype) {
    case torch::kFloat:
      return gpu->peaks.single;
    case torch::kHalf:
      return gpu->peaks.half;
    case torch::kBFloat16:
      return gpu->peaks.has_bfloat16 ? std::optional(gpu->peaks.half) : std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<double> peak_flops(const torch::Device& device, torch::ScalarType dtype) {
  return device.is_cuda() ? peak_flops_of_gpu(gpu_name(device), dtype) : std::nullopt;
}

}  // namespace medisyn
