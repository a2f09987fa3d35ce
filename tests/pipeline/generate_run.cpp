// Draws one image with a Stable Diffusion folder and times it: the half of scripts/bench_generate.py that is
// medisyn's.
//   generate_run FOLDER fp32|bf16 PROMPT STEPS SEED OUT.safetensors
// Writes the final latents and prints {"step_seconds": [...], "decode_seconds":, "idle_bytes":,
// "peak_bytes":}.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/types.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "../peak_bytes.h"
#include "medisyn/core/memory.h"
#include "medisyn/io/safetensors.h"
#include "medisyn/pipeline/text_to_image.h"

namespace {

using Clock = std::chrono::steady_clock;

void draw(const std::string& folder, torch::ScalarType dtype, const std::string& prompt, std::int64_t steps,
          std::uint32_t seed, const std::string& out) {
  torch::ones({1}).add_(1);
  const std::int64_t idle = medisyn::peak_bytes();
  medisyn::TextToImage pipeline(medisyn::load_stable_diffusion(folder, dtype), torch::kCPU, dtype);
  const medisyn::ImageRequest request{.text = prompt,
                                      .negative = "",
                                      .seed = seed,
                                      .scale = 7.5,
                                      .size = pipeline.default_size(),
                                      .sampler = {.sampler = "ddim", .steps = steps, .eta = 0}};
  std::vector<double> seconds;
  auto last = Clock::now();
  const auto lap = [&last] {
    const auto now = Clock::now();
    return std::chrono::duration<double>(now - std::exchange(last, now)).count();
  };
  const auto images = pipeline.draw({&request, 1}, 1, [&](auto&&...) {
    seconds.push_back(lap());
    return true;
  });
  const double decode_seconds = lap();
  fmt::print("{{\"step_seconds\": {}, \"decode_seconds\": {:.3f}, \"idle_bytes\": {}, \"peak_bytes\": {}}}\n",
             seconds, decode_seconds, idle, medisyn::peak_bytes());
  medisyn::write_safetensors(out, {{"latents", images.value().latents}});
}

}  // namespace

int main(int argc, char** argv) {
  medisyn::keep_freed_memory();
  medisyn::use_large_pages();
  try {
    if (argc != 7) {
      std::fprintf(stderr, "usage: generate_run FOLDER fp32|bf16 PROMPT STEPS SEED OUT.safetensors\n");
      return 2;
    }
    const auto dtype = std::string(argv[2]) == "bf16" ? torch::kBFloat16 : torch::kFloat;
    draw(argv[1], dtype, argv[3], std::stol(argv[4]), static_cast<std::uint32_t>(std::stoul(argv[5])),
         argv[6]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
}
