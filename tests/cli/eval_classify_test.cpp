// eval classify from end to end: a small grid, killed and gone on with, by several processes.
#include <gmock/gmock.h>
#include <torch/types.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <set>
#include <thread>

#include "../fresh_folder.h"
#include "../json_schema.h"
#include "../pipeline/tiny_model.h"
#include "../run_program.h"
#include "medisyn/core/files.h"
#include "medisyn/core/numbers.h"
#include "medisyn/io/csv.h"
#include "medisyn/io/image.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/models/efficientnet_lite0.h"
#include "medisyn/models/hf_folder.h"
#include "medisyn/stats/auroc.h"

namespace medisyn {
namespace {

using testing::HasSubstr;
using Words = std::vector<std::string>;

constexpr const char* kConfig = R"(title: A <grid>
real: {manifest: real}
classes:
  - {name: mole, real: labels=mole}
  - {name: lung, real: labels=lung}
sources: [real, synthetic, real+synthetic]
seeds: [0, 1]
subsets: {fractions: [25, 100]}
synthetic: {model: model, prompt: "A {classes}", steps: 2, scale: 1, size: 32x32}
classifier: {model: efficientnet_lite0, weights: w.safetensors, image_pixels: 32, batch_size: 8, epochs: 1}
)";

/// Reddish or bluish noise.
std::string picture(bool is_mole, unsigned seed) {
  std::mt19937 generator(seed);
  Image image{.height = 32, .width = 32, .pixels = std::vector<std::uint8_t>(32 * 32 * 3)};
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const bool is_bright = i % 3 == (is_mole ? 0U : 2U);
    image.pixels[i] = static_cast<std::uint8_t>(generator() % 150 + (is_bright ? 100 : 0));
  }
  return encode_png(image);
}

class EvalClassify : public testing::Test {
 protected:
  /// Weights and model are made once.
  static void SetUpTestSuite() {
    shared_ = fresh_folder();
    torch::manual_seed(1);
    EfficientNetLite0 model;
    save_parameters(shared_ / "w.safetensors", *model);
    save_stable_diffusion(shared_ / "model",
                          tiny_model(fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt"));
  }

  void SetUp() override {
    folder_ = fresh_folder();
    fs::create_symlink(shared_ / "w.safetensors", folder_ / "w.safetensors");
    fs::create_symlink(shared_ / "model", folder_ / "model");
    write_file(folder_ / "grid.yaml", kConfig);
    for (unsigned i = 0; i < 40; ++i) {
      const std::string split = i < 16 ? "train" : i < 24 ? "validation" : "test";
      add(split, i, fmt::format("p{}", i), i % 2 == 0 ? "mole" : "lung");
    }
    write_rows();
  }

  void add(const std::string& split, unsigned number, const std::string& patient, const std::string& label) {
    const std::string name = fmt::format("{}.png", number);
    fs::create_directories(folder_ / "real");
    write_file(folder_ / "real" / name, picture(label == "mole", number));
    rows_.push_back({{"file_name", name},
                     {"text", "Image of a " + label},
                     {"patient_id", patient},
                     {"group_id", patient},
                     {"labels", {label}},
                     {"split", split}});
  }

  void write_rows() const { write_jsonl(folder_ / "real/metadata.jsonl", rows_); }

  static Words words(const std::string& out, const Words& more = {}) {
    Words words = {"eval", "classify", "--config", "grid.yaml", "--threads", "1", "--out", out};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  ProgramResult run(const std::string& out, const Words& more = {}) const {
    return run_program(words(out, more), folder_);
  }

  void expect_refused(const std::string& text, const Words& more = {}) const {
    const ProgramResult result = run("refused", more);
    EXPECT_EQ(result.exit_code, 2) << result.errors;
    EXPECT_THAT(result.errors, HasSubstr(text));
    EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
    EXPECT_FALSE(fs::exists(folder_ / "refused"));
  }

  Words lines(const std::string& out) const {
    Words lines;
    std::istringstream text(slurp(folder_ / out / "runs.jsonl"));
    for (std::string line; std::getline(text, line);) {
      lines.push_back(line);
    }
    return lines;
  }

  /// run -> macro-AUROC; each run once.
  std::map<std::string, double> scores(const std::string& out) const {
    std::map<std::string, double> scores;
    for (const std::string& line : lines(out)) {
      const Json json = Json::parse(line);
      EXPECT_TRUE(scores.emplace(json["run"].get<std::string>(), json["macro_auroc"].get<double>()).second)
          << line;
    }
    return scores;
  }

  static inline fs::path shared_;
  fs::path folder_;
  std::vector<Json> rows_;
};

TEST_F(EvalClassify, FromManifestsToThePage) {
  ProgramResult result = run("out", {"--dry-run"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  for (const char* text :
       {"16 training, 8 validation, 16 test images", "12 runs: 3 sources, 2 fractions, 2 seeds",
        "16 of them are to be drawn first", "Dry run: nothing was written", "Leak check:"}) {
    EXPECT_THAT(result.output, HasSubstr(text));
  }
  EXPECT_FALSE(fs::exists(folder_ / "out"));

  result = run("out", {"--json"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const Json json = parse_json(result.output, "stdout");
  const JsonSchema schema(Json::parse(slurp(fs::path(MEDISYN_SOURCE) / "docs/result.schema.json")));
  EXPECT_THAT(schema.faults_of(json), testing::IsEmpty());
  EXPECT_EQ(json["metrics"]["scores"].size(), 6U);
  EXPECT_EQ(json["metrics"]["comparisons"].size(), 6U);
  EXPECT_EQ(scores("out").size(), 12U);
  EXPECT_EQ(read_jsonl(folder_ / "out/synthetic/metadata.jsonl").size(), 16U);
  for (const char* file : {"auroc.csv", "comparisons.csv", "subsets.csv", "runs.csv"}) {
    EXPECT_THAT(slurp(folder_ / "out" / file), HasSubstr("leak_check")) << file;
  }
  EXPECT_THAT(slurp(folder_ / "out/page.html"), HasSubstr("A &lt;grid&gt;"));
  // The score of a run is that of its predictions.
  const Table predictions = read_csv(folder_ / "out/runs/real-100-seed0/predictions.csv");
  EXPECT_EQ(predictions.header, (Words{"id", "class", "label", "score"}));
  ASSERT_EQ(predictions.rows.size(), 32U);
  std::vector<double> values;
  std::vector<float> targets;
  for (const auto& row : predictions.rows) {
    values.push_back(parse_number<double>(row[3]).value());
    targets.push_back(row[2] == "1" ? 1.0F : 0.0F);
  }
  EXPECT_NEAR(*class_aurocs(values, targets, 2).macro, scores("out").at("real-100-seed0"), 1e-12);

  // The same again repeats nothing; another grid does not fit in.
  const Words before = lines("out");
  result = run("out");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(lines("out"), before);
  EXPECT_THAT(result.output, HasSubstr("Macro-AUROC on 16 real test images, mean ± sd of 2 seeds"));
  result = run("out", {"--set", "classifier.learning_rate=0.5"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("holds another grid (classifier.learning_rate: 0.01 -> 0.5)"));
  // Images that are others now.
  rows_.erase(rows_.begin() + 20);
  write_rows();
  EXPECT_THAT(run("out").errors, HasSubstr("was made on other images or with another config"));
}

TEST_F(EvalClassify, KilledInTheMiddleItGoesOnWithoutRepeatingARun) {
  ASSERT_EQ(run("whole").exit_code, 0);
  for (const std::size_t kill_at : {1U, 5U}) {
    const std::string out = fmt::format("killed{}", kill_at);
    const pid_t child = start_program(words(out), folder_);
    for (int wait = 0; wait < 60000 && lines(out).size() < kill_at; ++wait) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    kill(child, SIGKILL);
    ASSERT_EQ(wait_for(child, folder_).exit_code, 128 + SIGKILL) << "it was done";
    const Words finished = lines(out);
    ASSERT_GE(finished.size(), kill_at);
    ASSERT_LT(finished.size(), 12U);
    // As if it had been killed while it wrote the next line.
    write_file(folder_ / out / "runs.jsonl",
               slurp(folder_ / out / "runs.jsonl") + finished[0].substr(0, finished[0].size() / 2));
    const ProgramResult result = run(out);
    ASSERT_EQ(result.exit_code, 0) << result.errors;
    EXPECT_THAT(result.errors, HasSubstr("its last line is not whole"));
    EXPECT_THAT(result.errors, HasSubstr(fmt::format("{} of 12 runs are finished already", finished.size())));
    const Words all = lines(out);
    EXPECT_TRUE(std::equal(finished.begin(), finished.end(), all.begin()));
    EXPECT_EQ(scores(out), scores("whole"));
  }
}

TEST_F(EvalClassify, RanksShareTheRuns) {
  ASSERT_EQ(run("one").exit_code, 0);
  const ProgramResult result = run("two", {"--nproc", "2"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(scores("two"), scores("one"));
  EXPECT_THAT(result.output, HasSubstr("Macro-AUROC"));
  EXPECT_EQ(slurp(folder_ / "two/auroc.csv"), slurp(folder_ / "one/auroc.csv"));
}

TEST_F(EvalClassify, MistakesAreNamedBeforeAnyRun) {
  for (const char* name : {"few", "empty"}) {
    fs::create_directories(folder_ / name);
    const std::string text = name == std::string("few") ? "A mole" : "A dog";
    write_file(folder_ / name / "metadata.jsonl",
               Json{{"file_name", "../real/0.png"}, {"text", text}}.dump() + "\n");
  }
  const auto with_images = [](const std::string& name) {
    return Words{"--set", "synthetic={images: " + name + ", prompt: \"A {classes}\"}"};
  };
  expect_refused("5 % of 16 training images are none", {"--set", "subsets.fractions=[5,100]"});
  expect_refused("7 % of the training set: no training image of class",
                 {"--set", "subsets.fractions=[7,100]", "--set", "subsets.rounding=total"});
  expect_refused("synthetic images: 2 of lung are needed, found 0", with_images("few"));
  expect_refused("synthetic images empty: an empty set: the prompt of none of its 1 images",
                 with_images("empty"));
  expect_refused("0.png: contradictory labels: it is a and b",
                 {"--set", "classes=[{name: a, real: labels=mole}, {name: b, real: labels=mole}]"});
  expect_refused("nowhere", {"--set", "classifier.weights=nowhere"});
  expect_refused("learning_rat", {"--set", "classifier.learning_rat=1"});
  add("test", 50, "p0", "mole");
  write_rows();
  expect_refused("training images and test images must have nothing in common, but share 1 patient");
}

TEST_F(EvalClassify, WritesWhatAGeneratorMaySee) {
  const ProgramResult result =
      run_program({"eval", "classify", "--config", "grid.yaml", "--write-subsets", "subsets"}, folder_);
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(read_jsonl(folder_ / "subsets/25.jsonl").size(), 4U);
  EXPECT_EQ(read_jsonl(folder_ / "subsets/100.jsonl").size(), 16U);
}

}  // namespace
}  // namespace medisyn
