// The same folder, prompts and seeds in diffusers' StableDiffusionPipeline (scripts/parity_pipeline.py).
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cstdlib>

#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/io/safetensors.h"
#include "medisyn/pipeline/text_to_image.h"
#include "tiny_model.h"

namespace medisyn {
namespace {

const fs::path kSource = MEDISYN_SOURCE;

/// A Python with the reference libraries: what scripts/setup_peers.sh made, or MEDISYN_PEERS_PYTHON. Empty
/// without one.
fs::path peers_python() {
  const char* other = std::getenv("MEDISYN_PEERS_PYTHON");
  if (other != nullptr) {
    return other;
  }
  const fs::path peers = kSource / ".venv-peers";
  return fs::exists(peers / ".requirements") ? peers / "bin/python" : fs::path();
}

/// One line of requests.jsonl, and the request.
ImageRequest request(const Json& line) {
  return {.text = line["text"],
          .negative = line["negative"],
          .seed = line["seed"],
          .scale = line["scale"],
          .size = parse_size(line["size"].get<std::string>(), "size"),
          .sampler = {.sampler = line["sampler"], .steps = line["steps"], .eta = line["eta"]}};
}

std::vector<Json> lines() {
  const std::string long_text = [] {
    std::string text;
    for (int i = 0; i < 60; ++i) {
      text += "lung nodule ";
    }
    return text;
  }();
  const auto line = [](const char* sampler, int steps, double scale, double eta, std::string text,
                       std::string negative, std::uint32_t seed, const char* size) {
    return Json{{"sampler", sampler}, {"steps", steps},       {"scale", scale}, {"eta", eta},
                {"text", text},       {"negative", negative}, {"seed", seed},   {"size", size}};
  };
  return {line("pndm", 10, 7.5, 0, "CT of the lung, 5 µm", "", 7, "32x32"),
          line("pndm", 10, 7.5, 0, "a mole", "blurred", 4294967295U, "32x32"),
          line("pndm", 7, 1.0, 0, "MRI", "", 3, "48x32"),
          line("ddim", 10, 5.0, 0, long_text, "", 11, "32x32"),
          line("ddim", 10, 5.0, 1.0, "", "", 12, "32x32"),
          line("ddim", 10, 5.0, 1.0, "CT", "", 13, "32x32")};
}

TEST(Parity, LatentsAndImagesAreThoseOfDiffusers) {
  const fs::path python = peers_python();
  if (python.empty()) {
    GTEST_SKIP() << "no diffusers here: scripts/setup_peers.sh makes .venv-peers";
  }
  const fs::path folder = fresh_folder();
  save_stable_diffusion(folder / "model", tiny_model(fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt"));
  TextToImage drawer(load_stable_diffusion(folder / "model"), torch::kCPU, torch::kFloat);
  TensorMap results;
  const auto requests = lines();
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto drawn = drawer.draw(std::vector{request(requests[i])}, 1);
    results[fmt::format("latents.{}", i)] = drawn->latents;
    results[fmt::format("images.{}", i)] = drawn->images;
  }
  write_jsonl(folder / "requests.jsonl", requests);
  write_safetensors(folder / "results.safetensors", results);
  const std::string command = fmt::format("'{}' '{}' '{}' > '{}' 2>&1", python.string(),
                                          (kSource / "scripts/parity_pipeline.py").string(), folder.string(),
                                          (folder / "log").string());
  const int status = std::system(command.c_str());
  std::printf("%s", read_file(folder / "log").c_str());
  EXPECT_EQ(status, 0) << command;
}

}  // namespace
}  // namespace medisyn
