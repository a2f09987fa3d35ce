// A folder with a tiny model and two prompts, in which `medisyn generate` is run.
#pragma once

#include <gmock/gmock.h>
#include <torch/types.h>

#include <algorithm>
#include <string>
#include <vector>

#include "../fresh_folder.h"
#include "../pipeline/tiny_model.h"
#include "../run_program.h"
#include "medisyn/core/files.h"
#include "medisyn/io/image.h"

namespace medisyn {

using Words = std::vector<std::string>;

class Generate : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fresh_folder();
    save_stable_diffusion(folder_ / "model",
                          tiny_model(fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt"));
    write_file(folder_ / "p.txt", "# two prompts\nCT of the lung --n 3 --seed 7\na mole --n 2\n");
  }

  ProgramResult run(const Words& more) {
    Words words{"generate", "--model", model_, "--scale", "4", "--threads", "1"};
    if (std::find(more.begin(), more.end(), "--steps") == more.end()) {
      words.insert(words.end(), {"--steps", "3"});
    }
    words.insert(words.end(), more.begin(), more.end());
    return run_program(words, folder_);
  }

  void expect_done(const Words& more) {
    const ProgramResult result = run(more);
    ASSERT_EQ(result.exit_code, 0) << result.errors;
  }

  void expect_refused(const Words& more, const std::string& text) {
    const ProgramResult result = run(more);
    EXPECT_EQ(result.exit_code, 2) << result.errors;
    EXPECT_EQ(result.output, "");
    EXPECT_THAT(result.errors, testing::HasSubstr(text));
  }

  std::vector<std::string> names(const std::string& out) const {
    std::vector<std::string> list;
    for (const auto& entry : fs::directory_iterator(folder_ / out)) {
      list.push_back(entry.path().filename().string());
    }
    std::sort(list.begin(), list.end());
    return list;
  }

  std::string bytes(const fs::path& file) const { return read_file(folder_ / file); }

  int largest_difference(const fs::path& a, const fs::path& b) const {
    const Image first = read_image(folder_ / a), second = read_image(folder_ / b);
    EXPECT_EQ(first.pixels.size(), second.pixels.size());
    int largest = 0;
    for (std::size_t i = 0; i < first.pixels.size(); ++i) {
      largest = std::max(largest, std::abs(first.pixels[i] - second.pixels[i]));
    }
    return largest;
  }

  fs::path folder_;
  std::string model_ = "model";
};

}  // namespace medisyn
