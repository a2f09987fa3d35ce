// Manifests of noise, weights that are random, and the config of a small reader study.
#pragma once

#include <gmock/gmock.h>
#include <torch/types.h>

#include <algorithm>
#include <random>

#include "../fresh_folder.h"
#include "../run_program.h"
#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"
#include "medisyn/io/image.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/models/efficientnet_lite0.h"
#include "medisyn/models/hf_folder.h"

namespace medisyn {

using Words = std::vector<std::string>;

inline constexpr const char* kStudyConfig = R"(title: A <study>
consent: [Of your own will.]
image_pixels: 32
real: {images: real, where: split=train}
synthetic: {images: run}
classes:
  - {name: Normal, real: labels=normal, synthetic: text="a normal eye"}
  - {name: Drusen, real: labels=drusen, synthetic: text="an eye with drusen"}
features: {extractor: efficientnet_lite0, weights: w.safetensors}
pairs: {real_real: 2, synthetic_synthetic: 2, mixed: 2, training: 1}
singles: {real: 3, synthetic: 3, training: 1}
readers: {experts: 2}
)";

inline std::string noise_png(unsigned seed) {
  std::mt19937 generator(seed);
  Image image{.height = 40, .width = 48, .pixels = std::vector<std::uint8_t>(40 * 48 * 3)};
  std::generate(image.pixels.begin(), image.pixels.end(),
                [&] { return static_cast<std::uint8_t>(generator()); });
  return encode_png(image);
}

class ReaderStudy : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fresh_folder();
    torch::manual_seed(1);
    EfficientNetLite0 model;
    save_parameters(folder_ / "w.safetensors", *model);
    write_file(folder_ / "study.yaml", kStudyConfig);
    for (const char* side : {"real", "run"}) {
      fs::create_directories(folder_ / side);
      std::vector<Json> rows;
      for (unsigned i = 0; i < 24; ++i) {
        const std::string name = fmt::format("{}.png", i);
        write_file(folder_ / side / name, noise_png(i + (side == std::string("run") ? 100 : 0)));
        rows.push_back({{"file_name", name}});
        if (side == std::string("run")) {
          rows.back()["text"] = i % 2 == 0 ? "a normal eye" : "an eye with drusen";
        } else {
          rows.back().update({{"labels", i % 2 == 0 ? "normal" : "drusen"},
                              {"patient_id", fmt::format("p{}", i / 3)},
                              {"split", i < 20 ? "train" : "test"}});
        }
      }
      write_jsonl(folder_ / side / "metadata.jsonl", rows);
    }
  }

  ProgramResult run(Words words) {
    words.insert(words.begin(), {"eval", "reader-study"});
    return run_program(words, folder_);
  }

  void expect_refused(const Words& words, const std::string& text) {
    const ProgramResult result = run(words);
    EXPECT_EQ(result.exit_code, 2) << result.errors;
    EXPECT_THAT(result.errors, testing::HasSubstr(text));
    EXPECT_FALSE(fs::exists(folder_ / "refused"));
    EXPECT_FALSE(fs::exists(folder_ / "refused.part"));
  }

  fs::path folder_;
};

}  // namespace medisyn
