// Loads a Stable Diffusion folder and touches every page of its weights: the half of scripts/bench_load.py
// that is medisyn's.
//   load_run FOLDER fp32|bf16|fp16      prints {"seconds":, "idle_bytes":, "peak_bytes":, "checksum":}
#include <fmt/format.h>
#include <torch/types.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "../peak_bytes.h"
#include "medisyn/models/hf_folder.h"
#include "medisyn/pipeline/stable_diffusion.h"

namespace {

torch::ScalarType dtype_of(const std::string& name) {
  return name == "fp16" ? torch::kHalf : name == "bf16" ? torch::kBFloat16 : torch::kFloat;
}

/// The sum of every step-th byte of each tensor.
std::int64_t add_up(const medisyn::StableDiffusion& model, std::int64_t step) {
  std::int64_t sum = 0;
  using Modules = std::initializer_list<const torch::nn::Module*>;
  for (const torch::nn::Module* part : Modules{model.unet.get(), model.vae.get(), &*model.text_encoder}) {
    for (const auto& [name, tensor] : medisyn::state_dict(*part)) {
      const torch::Tensor bytes = tensor.flatten().view(torch::kUInt8);
      sum += bytes.slice(0, 0, bytes.numel(), step).sum().item<std::int64_t>();
    }
  }
  return sum;
}

constexpr std::int64_t kPage = 4096;

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string dtype = argc > 2 ? argv[2] : "fp16";
    torch::ones({1}).add_(1);
    const std::int64_t idle = medisyn::peak_bytes();
    const auto start = std::chrono::steady_clock::now();
    const auto model = medisyn::load_stable_diffusion(argc > 1 ? argv[1] : "", dtype_of(dtype));
    add_up(model, kPage);  // mapped weights come from the disk when they are first touched
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const std::int64_t peak = medisyn::peak_bytes();
    fmt::print("{{\"seconds\": {:.3f}, \"idle_bytes\": {}, \"peak_bytes\": {}, \"checksum\": {}}}\n", seconds,
               idle, peak, add_up(model, 1));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
}
