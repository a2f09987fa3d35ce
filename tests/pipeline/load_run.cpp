// Loads a Stable Diffusion folder and reads every weight once: the half of scripts/bench_load.py that is
// medisyn's.
//   load_run FOLDER fp32|bf16|fp16      prints {"seconds": ..., "idle_bytes": ..., "peak_bytes": ...}
#include <fmt/format.h>
#include <torch/types.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>

#include "medisyn/models/hf_folder.h"
#include "medisyn/pipeline/stable_diffusion.h"

namespace {

/// The largest resident size so far.
std::int64_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmHWM:") {
      std::int64_t kibibytes = 0;
      status >> kibibytes;
      return kibibytes * 1024;
    }
  }
  return 0;
}

torch::ScalarType dtype_of(const std::string& name) {
  return name == "fp16" ? torch::kHalf : name == "bf16" ? torch::kBFloat16 : torch::kFloat;
}

/// Reads all bytes: mapped weights come from the disk when they are first touched.
std::int64_t checksum(const torch::nn::Module& module) {
  std::int64_t sum = 0;
  for (const auto& [name, tensor] : medisyn::state_dict(module)) {
    sum += tensor.view(torch::kUInt8).sum().item<std::int64_t>();
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string dtype = argc > 2 ? argv[2] : "fp16";
    torch::ones({1}).add_(1);
    const std::int64_t idle = peak_bytes();
    const auto start = std::chrono::steady_clock::now();
    const auto model = medisyn::load_stable_diffusion(argc > 1 ? argv[1] : "", dtype_of(dtype));
    const std::int64_t sum = checksum(*model.unet) + checksum(*model.vae) + checksum(*model.text_encoder);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    fmt::print("{{\"seconds\": {:.3f}, \"idle_bytes\": {}, \"peak_bytes\": {}, \"checksum\": {}}}\n", seconds,
               idle, peak_bytes(), sum);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
}
