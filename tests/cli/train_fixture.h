// A folder with a tiny model and a few images, in which `medisyn train` is run.
#pragma once

#include <gmock/gmock.h>
#include <signal.h>
#include <torch/types.h>

#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "../fresh_folder.h"
#include "../pipeline/tiny_model.h"
#include "../run_program.h"
#include "../train/miniature_run.h"
#include "medisyn/core/files.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/io/safetensors.h"

namespace medisyn {

using Words = std::vector<std::string>;
using Losses = std::map<std::int64_t, double>;

class Train : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fresh_folder();
    save_stable_diffusion(folder_ / "model",
                          tiny_model(fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt"));
    write_miniature_data(folder_ / "data", 32);
    write_file(folder_ / "train.yaml",
               "objective: unet\ndata: {manifest: data}\nparts: {base: model}\nbatch_size: 8\nmax_steps: 30\n"
               "optimizer: {learning_rate: 1.0e-3}\nlog_every_steps: 1\nvalidate_every_steps: 100\n"
               "save_every_steps: 1000\n");
  }

  static Words words(const std::string& out, const Words& more) {
    Words all{"train", "--config", "train.yaml", "--device", "cpu", "--threads", "1", "--out", out};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  ProgramResult run(const std::string& out, const Words& more) {
    return run_program(words(out, more), folder_);
  }

  void expect_done(const std::string& out, const Words& more) {
    const ProgramResult result = run(out, more);
    ASSERT_EQ(result.exit_code, 0) << result.errors;
  }

  Losses losses(const std::string& out) const {
    Losses found;
    for (const Json& line : read_jsonl(folder_ / out / "metrics.jsonl")) {
      if (line.contains("loss")) {
        EXPECT_TRUE(found.emplace(line["step"].get<std::int64_t>(), line["loss"].get<double>()).second);
      }
    }
    return found;
  }

  void expect_near(const std::string& out, const Losses& expected, double tolerance = 1e-5) const {
    const Losses found = losses(out);
    ASSERT_EQ(found.size(), expected.size()) << out;
    for (const auto& [step, loss] : expected) {
      EXPECT_NEAR(found.at(step), loss, tolerance * loss) << out << " step " << step;
    }
  }

  /// Waits, two minutes at most, until a run has logged a step.
  bool has_reached(const std::string& out, std::int64_t step) const {
    for (int i = 0; i < 2400; ++i) {
      if (fs::exists(folder_ / out / "metrics.jsonl") &&
          slurp(folder_ / out / "metrics.jsonl").find(fmt::format("\"step\":{}", step)) !=
              std::string::npos) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }

  fs::path folder_;
};

}  // namespace medisyn
