#include "medisyn/dist/device.h"

#include <torch/cuda.h>

#include <string_view>

#include "medisyn/core/error.h"
#include "medisyn/core/numbers.h"
#include "medisyn/dist/cuda.h"

namespace medisyn {
namespace {

constexpr std::string_view kNumbered = "cuda:";

std::int64_t parse_index(const std::string& name) {
  const auto index = parse_number<std::int64_t>(std::string_view(name).substr(kNumbered.size()));
  if (!index || *index < 0) {
    fail("--device {}: expected auto, cpu, cuda or cuda:N", name);
  }
  return *index;
}

}  // namespace

std::int64_t gpu_count() {
  load_cuda();
  return torch::cuda::is_available() ? static_cast<std::int64_t>(torch::cuda::device_count()) : 0;
}

torch::Device pick_device(const std::string& name, std::int64_t local_rank) {
  if (name == "cpu") {
    return torch::kCPU;
  }
  if (name == "auto" && gpu_count() == 0) {
    return torch::kCPU;
  }
  const bool is_numbered = name.starts_with(kNumbered);
  if (name != "auto" && name != "cuda" && !is_numbered) {
    fail("--device {}: expected auto, cpu, cuda or cuda:N", name);
  }
  const std::int64_t index = is_numbered ? parse_index(name) : local_rank;
  if (!built_with_cuda()) {
    fail("--device {}: this program was built without CUDA: build with -DMEDISYN_CUDA=ON or use --device cpu",
         name);
  }
  if (index >= gpu_count()) {
    fail(
        "--device {}: {} GPU(s) found, number {} asked for: use --device cpu, one that is there, or fewer "
        "processes",
        name, gpu_count(), index);
  }
  return {torch::kCUDA, static_cast<torch::DeviceIndex>(index)};
}

torch::ScalarType parse_dtype(const std::string& name) {
  if (name == "fp32") {
    return torch::kFloat32;
  }
  if (name == "bf16") {
    return torch::kBFloat16;
  }
  if (name == "fp16") {
    return torch::kFloat16;
  }
  fail("--dtype {}: expected fp32, bf16 or fp16", name);
}

}  // namespace medisyn
