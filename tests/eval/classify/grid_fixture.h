// A manifest of two classes in three splits, without pictures: a grid's plan reads none.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/eval/classify/config.h"
#include "medisyn/io/jsonl.h"

namespace medisyn {

inline Json record_json(const std::string& name, const std::string& split, const std::string& patient,
                        const std::vector<std::string>& labels) {
  std::string text = "Image of ";
  for (const std::string& label : labels) {
    text += (text.ends_with("of ") ? "" : " and ") + label;
  }
  return {{"file_name", name + ".png"}, {"id", name},           {"text", text},
          {"patient_id", patient},      {"group_id", patient},  {"image_type", "CT"},
          {"labels", labels},           {"sha256", "h" + name}, {"split", split}};
}

class GridFolder : public testing::Test {
 protected:
  /// Training images: 30 of `naevus`, 10 of `melanoma`, two images a patient; 4 and 4 in the other splits.
  void SetUp() override {
    folder_ = fresh_folder();
    for (int i = 0; i < 40; ++i) {
      add("train", i, i / 2, i < 30 ? "naevus" : "melanoma");
    }
    for (int i = 0; i < 4; ++i) {
      add("validation", 100 + i, 100 + i, i % 2 == 0 ? "naevus" : "melanoma");
      add("test", 200 + i, 200 + i, i % 2 == 0 ? "naevus" : "melanoma");
    }
  }

  void add(const std::string& split, int number, int patient, const std::string& label) {
    rows_.push_back(record_json(fmt::format("i{}", number), split, fmt::format("p{}", patient), {label}));
  }

  /// A run of generate with `count` images of each prompt.
  fs::path generated(const std::string& name, const std::vector<std::string>& prompts, int count) const {
    std::vector<Json> rows;
    for (const std::string& prompt : prompts) {
      for (int i = 0; i < count; ++i) {
        rows.push_back({{"file_name", fmt::format("{:05}.png", rows.size())}, {"text", prompt}});
      }
    }
    fs::create_directories(folder_ / name);
    write_jsonl(folder_ / name / "metadata.jsonl", rows);
    return folder_ / name;
  }

  ClassifyConfig config() const {
    fs::create_directories(folder_ / "real");
    write_jsonl(folder_ / "real/metadata.jsonl", rows_);
    ClassifyConfig config;
    config.real.manifest = folder_ / "real";
    config.classes = {{"melanoma", "labels=melanoma", ""}, {"naevus", "labels=naevus", ""}};
    config.sources = {"real"};
    config.subsets.fractions = {10, 50, 100};
    config.seeds = {0, 1};
    config.classifier.batch_size = 4;
    config.classifier.epochs = 2;
    return config;
  }

  fs::path folder_;
  std::vector<Json> rows_;
};

}  // namespace medisyn
