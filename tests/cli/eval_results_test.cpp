// eval msssim from end to end, the table of several results, and docs/result.schema.json.
#include <gmock/gmock.h>
#include <torch/types.h>

#include "../fresh_folder.h"
#include "../json_schema.h"
#include "../run_program.h"
#include "medisyn/core/files.h"
#include "medisyn/io/csv.h"
#include "medisyn/io/image.h"
#include "medisyn/models/efficientnet_lite0.h"
#include "medisyn/models/hf_folder.h"

namespace medisyn {
namespace {

using testing::HasSubstr;
using Words = std::vector<std::string>;

Image picture(int seed, int height = 48, int width = 48) {
  Image image{height, width, {}};
  for (int i = 0; i < height * width * 3; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>((i / 9 * (seed + 3) + i % 3 * 50) % 256));
  }
  return image;
}

class EvalResults : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fresh_folder();
    make_set("generated", 12, 3);
    make_set("real", 9, 3);
  }

  /// `count` images of `prompts` captions.
  void make_set(const std::string& name, int count, int prompts) const {
    fs::create_directories(folder_ / name);
    std::string lines;
    for (int i = 0; i < count; ++i) {
      const std::string file = std::to_string(i) + ".png";
      write_file(folder_ / name / file, encode_png(picture(i + static_cast<int>(name.size()))));
      lines += Json{{"file_name", file},
                    {"text", "prompt " + std::to_string(i % prompts)},
                    {"specialty", "Radiology"},
                    {"image_type", "CT"}}
                   .dump() +
               "\n";
    }
    write_file(folder_ / name / "metadata.jsonl", lines);
  }

  ProgramResult run(Words words, const std::string& out = "") const {
    words.insert(words.begin(), "eval");
    if (!out.empty()) {
      words.insert(words.end(), {"--out", out});
    }
    return run_program(words, folder_);
  }

  /// The result.json of a command that must succeed and follow the schema.
  Json result_of(const Words& words, const std::string& out) const {
    const ProgramResult ran = run(words, out);
    EXPECT_EQ(ran.exit_code, 0) << ran.errors;
    const Json result = Json::parse(slurp(folder_ / out / "result.json"));
    EXPECT_THAT(result_faults(result), testing::IsEmpty()) << out;
    return result;
  }

  std::string error_of(const Words& words) const {
    const ProgramResult ran = run(words);
    EXPECT_EQ(ran.exit_code, 2) << ran.errors;
    return ran.errors;
  }

  fs::path folder_;
};

TEST_F(EvalResults, SimilarityWithinAndBetweenPromptsBesideRealOnes) {
  const Json metrics =
      result_of({"msssim", "--images", "generated", "--real", "real", "--scales", "3"}, "out")["metrics"];
  EXPECT_EQ(metrics["pairs"], 66);
  EXPECT_EQ(metrics["prompts"], 3);
  EXPECT_EQ(metrics["within_prompts"]["pairs"], 18);
  EXPECT_EQ(metrics["between_prompts"]["pairs"], 48);
  EXPECT_EQ(metrics["real"]["pairs"], 36);
  EXPECT_EQ(metrics["real"]["within_prompts"]["pairs"], 9);
  EXPECT_EQ(metrics["formats"], (Json{{"png", 12}}));
  EXPECT_THAT(metrics["definition"].get<std::string>(), HasSubstr("pytorch-msssim"));
  // All 66 pairs are taken, so those within and those between make up the whole.
  const auto mean = [](const Json& score) { return score["mean"].get<double>(); };
  EXPECT_NEAR(66 * mean(metrics),
              18 * mean(metrics["within_prompts"]) + 48 * mean(metrics["between_prompts"]), 1e-9);
  for (const char* name : {"pairs.csv", "within_pairs.csv", "real_pairs.csv", "real_within_pairs.csv"}) {
    EXPECT_THAT(slurp(folder_ / "out" / name), testing::StartsWith("a,b,ms_ssim\n")) << name;
  }
  EXPECT_THAT(slurp(folder_ / "out/page.html"), HasSubstr("Share of pairs by their score"));
}

TEST_F(EvalResults, UnsuitableSetsGetAClearLine) {
  EXPECT_THAT(error_of({"msssim", "--images", "generated"}),
              HasSubstr("48 x 48 pixels are too few for 5 scales"));
  EXPECT_THAT(error_of({"msssim", "--images", "generated", "--pairs", "5", "--scales", "3"}),
              HasSubstr("12 images need at least 6 pairs"));
  make_set("one", 1, 1);
  EXPECT_THAT(error_of({"msssim", "--images", "one"}),
              HasSubstr("expected at least 2 images to compare, found 1"));
  fs::create_directories(folder_ / "empty");
  EXPECT_THAT(error_of({"msssim", "--images", "empty"}), HasSubstr("empty"));
  write_file(folder_ / "generated/5.png", encode_png(picture(1, 48, 60)));
  EXPECT_THAT(error_of({"msssim", "--images", "generated", "--scales", "3"}),
              HasSubstr("5.png: expected 48 x 48 pixels as generated/0.png has, found 60 x 48"));
  result_of({"msssim", "--images", "generated", "--scales", "3", "--size", "44"}, "resized");
  write_file(folder_ / "generated/5.png", "no picture");
  EXPECT_THAT(error_of({"msssim", "--images", "generated", "--scales", "3"}), HasSubstr("5.png"));
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(EvalResults, FollowTheSchemaAndStandInOneTableWhenMadeAlike) {
  torch::manual_seed(1);
  EfficientNetLite0 model;
  save_parameters(folder_ / "w.safetensors", *model);
  const Words features = {"--extractor", "efficientnet_lite0", "--weights", "w.safetensors"};
  const auto with = [&](Words words) {
    words.insert(words.end(), features.begin(), features.end());
    return words;
  };
  make_set("other", 12, 2);
  make_set("fewer", 11, 2);
  result_of(with({"fid", "--real", "real", "--generated", "generated"}), "first");
  result_of(with({"fid", "--real", "real", "--generated", "other"}), "second");
  result_of(with({"fid", "--real", "real", "--generated", "fewer"}), "third");
  result_of(with({"fid", "--real", "real", "--save-statistics", "real.npz"}), "statistics");
  result_of(with({"memorization", "--real", "real", "--generated", "generated"}), "memorization");
  EXPECT_THAT(slurp(folder_ / "first/page.html"), HasSubstr("not the FID of the literature"));

  const Json table = result_of({"table", "first", "second/result.json"}, "table");
  EXPECT_EQ(table["metrics"]["rows"].size(), 2U);
  EXPECT_EQ(read_csv(folder_ / "table/table.csv").rows.size(), 2U);
  EXPECT_THAT(
      error_of({"table", "first", "third"}),
      HasSubstr("third: n_generated: made with '11', first with '12': they cannot stand in one table"));
  EXPECT_THAT(error_of({"table", "first", "memorization"}),
              HasSubstr("memorization: a result of eval memorization"));
  EXPECT_THAT(error_of({"table", "table"}), HasSubstr("found one of 'medisyn eval table'"));
}

TEST(ResultSchema, TheCheckerFindsWhatIsWrong) {
  RunRecord record("medisyn eval msssim");
  record.metrics = {{"mean", "0.5"}, {"std", 0.1}};
  const std::vector<std::string> faults = result_faults(record.to_json());
  EXPECT_THAT(faults, testing::Contains(R"(/metrics/mean: expected "number", found "0.5")"));
  EXPECT_THAT(faults, testing::Contains("/metrics: lacks pairs"));
  RunRecord other("medisyn doctor");
  EXPECT_THAT(result_faults(other.to_json()), testing::IsEmpty());
}

}  // namespace
}  // namespace medisyn
