// Copies of training images are planted among generated ones, and found.
#include <gmock/gmock.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "../fresh_folder.h"
#include "../run_program.h"
#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"
#include "medisyn/io/csv.h"
#include "medisyn/io/image.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/models/efficientnet_lite0.h"
#include "medisyn/models/hf_folder.h"

namespace medisyn {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;

constexpr int kPixels = 64;
constexpr int kShift = 4;

/// Coloured blobs, other ones for each seed; `right` moves the frame over the scene.
Image scene(unsigned seed, int right = 0) {
  std::mt19937 generator(seed);
  const auto draw = [&](double low, double high) {
    return low + (high - low) * static_cast<double>(generator()) / 4294967296.0;
  };
  std::vector<double> values(kPixels * kPixels * 3, draw(0, 255));
  for (int blob = 0; blob < 14; ++blob) {
    const double top = draw(0, kPixels);
    const double left = draw(0, kPixels) - right;
    const double radius = draw(3, 9);
    for (int c = 0; c < 3; ++c) {
      const double height = draw(-220, 220);
      for (int i = 0; i < kPixels * kPixels; ++i) {
        const double distance = std::hypot(i / kPixels - top, i % kPixels - left) / radius;
        values[static_cast<std::size_t>(i * 3 + c)] += height * std::exp(-distance * distance);
      }
    }
  }
  Image image{kPixels, kPixels, {}};
  for (const double value : values) {
    image.pixels.push_back(static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0)));
  }
  return image;
}

Image brighter(Image image) {
  for (std::uint8_t& value : image.pixels) {
    value = static_cast<std::uint8_t>(std::min(value * 1.05, 255.0));
  }
  return image;
}

Image mirrored(const Image& image) {
  Image result = image;
  for (std::size_t i = 0; i < image.pixels.size() / 3; ++i) {
    const std::size_t from = i - i % kPixels + (kPixels - 1 - i % kPixels);
    std::copy_n(image.pixels.begin() + static_cast<std::ptrdiff_t>(from * 3), 3,
                result.pixels.begin() + static_cast<std::ptrdiff_t>(i * 3));
  }
  return result;
}

void save_weights(const fs::path& file, bool damaged) {
  torch::manual_seed(1);
  EfficientNetLite0 model;
  if (damaged) {
    const torch::NoGradGuard guard;
    model->parameters().front().fill_(std::numeric_limits<float>::quiet_NaN());
  }
  save_parameters(file, *model);
}

class EvalMemorization : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fresh_folder();
    fs::create_directories(folder_ / "real");
    fs::create_directories(folder_ / "run");
    save_weights(folder_ / "w.safetensors", false);
    std::vector<Json> rows;
    for (int i = 0; i < 16; ++i) {
      rows.push_back(real_row(i, "Radiology", "X-ray", "a chest X-ray", i < 12));
    }
    for (int i = 16; i < 24; ++i) {
      rows.push_back(real_row(i, "Dermatology", "Dermoscopy", "a mole", true));
    }
    write_jsonl(folder_ / "real/metadata.jsonl", rows);
    write_run();
  }

  Json real_row(int i, const std::string& specialty, const std::string& type, const std::string& text,
                bool train) {
    const std::string name = std::to_string(i) + ".png";
    write_file(folder_ / "real" / name, encode_png(scene(static_cast<unsigned>(i))));
    return {{"file_name", name},
            {"text", text},
            {"specialty", specialty},
            {"image_type", type},
            {"group_id", "patient-" + std::to_string(i / 2)},
            {"split", train ? "train" : "test"}};
  }

  /// Copies of training images 0 to 4, then none.
  void write_run() {
    std::vector<Json> rows;
    const auto add = [&](const std::string& name, const std::string& bytes, const std::string& text) {
      write_file(folder_ / "run" / name, bytes);
      rows.push_back({{"file_name", name}, {"text", text}, {"seed", 1}});
    };
    const std::string chest = "a chest X-ray";
    add("exact.png", encode_png(scene(0)), chest);
    add("jpeg.jpg", encode_jpeg(scene(1), 80), chest);
    add("bright.png", encode_png(brighter(scene(2))), chest);
    add("shifted.png", encode_png(scene(3, kShift)), chest);
    add("flipped.png", encode_png(mirrored(scene(4, -kShift))), chest);
    for (unsigned i = 0; i < 6; ++i) {
      add(fmt::format("new{}.png", i), encode_png(scene(100 + i)), i < 3 ? chest : "a mole");
    }
    write_jsonl(folder_ / "run/metadata.jsonl", rows);
  }

  ProgramResult run(const Words& more, const std::string& generated = "run",
                    const std::string& real = "real") {
    Words words = {"eval", "memorization", "--real", real, "--generated", generated};
    if (std::find(more.begin(), more.end(), "--extractor") == more.end()) {
      words.insert(words.end(), {"--extractor", "efficientnet_lite0"});
      if (std::find(more.begin(), more.end(), "--weights") == more.end()) {
        words.insert(words.end(), {"--weights", "w.safetensors"});
      }
    }
    words.insert(words.end(), more.begin(), more.end());
    return run_program(words, folder_);
  }

  /// Exit code 2, one line on stderr that holds `text`, no folder left.
  void expect_refused(Words more, const std::string& text, const std::string& generated = "run",
                      const std::string& real = "real") {
    more.insert(more.end(), {"--quiet", "--out", "refused"});
    const ProgramResult result = run(more, generated, real);
    EXPECT_EQ(result.exit_code, 2) << result.errors;
    EXPECT_EQ(result.output, "");
    EXPECT_THAT(result.errors, HasSubstr(text));
    EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
    EXPECT_FALSE(fs::exists(folder_ / "refused"));
  }

  fs::path folder_;
};

TEST_F(EvalMemorization, PlantedCopiesAreFoundAndOthersAreNot) {
  const ProgramResult result = run({"--extended", "--out", "out"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("Bonferroni-corrected x 10: 2 specialties x 5 thresholds"));
  const fs::path out = folder_ / "out";
  const Table pairs = read_csv(out / "pairs.csv");
  EXPECT_EQ(std::vector<std::string>(pairs.header.begin(), pairs.header.begin() + 4),
            (std::vector<std::string>{"generated", "real", "cosine", "distance"}));
  ASSERT_EQ(pairs.rows.size(), 11U);
  const std::size_t extended = pairs.column("extended_distance");
  for (std::size_t i = 0; i < pairs.rows.size(); ++i) {
    const std::vector<std::string>& row = pairs.rows[i];
    EXPECT_EQ(std::stod(row[3]) <= 0.15, i < 3) << row[0] << " " << row[3];
    EXPECT_EQ(std::stod(row[extended]) <= 0.15, i < 5) << row[0] << " " << row[extended];
    if (i < 5) {
      EXPECT_EQ(row[1], std::to_string(i) + ".png") << row[0];
    }
  }
  EXPECT_EQ(pairs.rows[0][3], "0.000000");
  EXPECT_EQ(pairs.rows[4][pairs.column("flip")], "h");

  const Json metrics = Json::parse(read_file(out / "result.json"))["metrics"];
  EXPECT_EQ(metrics["extractor"], "efficientnet_lite0");
  EXPECT_EQ(metrics["n_training"], 20);
  EXPECT_EQ(metrics["n_held_out"], 4);
  EXPECT_EQ(metrics["bonferroni_factor"], 10);
  const Json& flagged = metrics["specialties"]["Radiology"]["thresholds"][2];
  EXPECT_EQ(flagged["threshold"], 0.15);
  EXPECT_EQ(flagged["pairs"], 3);
  EXPECT_EQ(flagged["sources"], 2);  // images 0 and 1 are of one group
  EXPECT_DOUBLE_EQ(flagged["share"], 3.0 / 8);
  EXPECT_GT(flagged["upper_bound_95"].get<double>(), 3.0 / 8);
  EXPECT_EQ(metrics["specialties"]["Dermatology"]["thresholds"][2]["pairs"], 0);
  EXPECT_DOUBLE_EQ(metrics["specialties"]["Dermatology"]["thresholds"][2]["p_bonferroni"], 1.0);  // 10 / 2^3
  EXPECT_EQ(metrics["held_out"]["Radiology"]["thresholds"][2]["pairs"], 0);
  EXPECT_EQ(metrics["extended"]["specialties"]["Radiology"]["thresholds"][2]["pairs"], 5);
  EXPECT_EQ(metrics["extended"]["held_out"]["Radiology"]["thresholds"][2]["pairs"], 0);

  const Table table = read_csv(out / "table.csv");
  EXPECT_EQ(table.rows[1][0], "Radiology");
  EXPECT_EQ(table.rows[1][table.column("0.15")], "3 (37.5%)");
  EXPECT_EQ(read_csv(out / "table_extended.csv").rows[1][table.column("0.15")], "5 (62.5%)");
  EXPECT_EQ(read_csv(out / "held_out_pairs.csv").rows.size(), 4U);
  const std::string page = read_file(out / "page.html");
  EXPECT_THAT(page, HasSubstr("exact.png"));
  EXPECT_THAT(page, Not(ContainsRegex("(src|href)=\"[a-z]+://")));
}

TEST_F(EvalMemorization, TopKAndJson) {
  const ProgramResult result = run({"--top-k", "3", "--json", "--quiet", "--held-out", "none", "--out", "out",
                                    "--where", "specialty=Radiology", "--sample", "5"},
                                   "xray");
  EXPECT_EQ(result.exit_code, 2);  // no such folder yet
  fs::create_directories(folder_ / "xray");
  for (const char* name : {"exact.png", "bright.png", "new0.png", "new1.png", "new2.png", "shifted.png"}) {
    fs::copy_file(folder_ / "run" / name, folder_ / "xray" / name);
  }
  // Without metadata: the real images that --where leaves are of one kind.
  const ProgramResult drawn = run({"--top-k", "3", "--json", "--quiet", "--held-out", "none", "--out", "out",
                                   "--where", "specialty=Radiology", "--sample", "5"},
                                  "xray");
  ASSERT_EQ(drawn.exit_code, 0) << drawn.errors;
  const Json metrics = Json::parse(drawn.output)["metrics"];
  EXPECT_EQ(metrics["specialties"]["Radiology"]["pairs"], 5);
  EXPECT_EQ(metrics["n_training"], 12);
  EXPECT_TRUE(metrics["held_out"].is_null());
  EXPECT_TRUE(metrics["extended"].is_null());
  EXPECT_EQ(read_csv(folder_ / "out/pairs.csv").rows.size(), 15U);
  EXPECT_FALSE(fs::exists(folder_ / "out/held_out_pairs.csv"));
  EXPECT_TRUE(fs::exists(folder_ / "out/sample.jsonl"));
}

TEST_F(EvalMemorization, TwoRanksFindWhatOneFinds) {
  const ProgramResult one = run({"--out", "one", "--threads", "1"});
  ASSERT_EQ(one.exit_code, 0) << one.errors;
  const ProgramResult two =
      run({"--out", "two", "--threads", "1", "--nproc", "2", "--device", "cpu", "--cache", "cache"});
  ASSERT_EQ(two.exit_code, 0) << two.errors;
  EXPECT_EQ(two.output, one.output);
  for (const char* name : {"pairs.csv", "held_out_pairs.csv", "table.csv", "page.html"}) {
    EXPECT_EQ(read_file(folder_ / "one" / name), read_file(folder_ / "two" / name)) << name;
  }
}

TEST_F(EvalMemorization, MistakesAreOneLine) {
  expect_refused({"--extractor", "biomedclip"}, "--model DIR");
  expect_refused({"--extractor", "biomedclip", "--model", "real"}, "real: expected BiomedCLIP's folder");
  expect_refused({"--model", "real"}, "--model real: is the folder of --extractor biomedclip");
  fs::create_directories(folder_ / "empty");
  expect_refused({}, "empty: expected a metadata.jsonl", "empty");
  expect_refused({}, "empty: expected a metadata.jsonl", "run", "empty");
  fs::create_directories(folder_ / "one");
  fs::copy_file(folder_ / "run/new0.png", folder_ / "one/0.png");
  expect_refused({}, "one: expected at least 2 generated images, found 1", "one");
  expect_refused({"--training", "file_name=16.png or file_name=17.png"},
                 "expected training images of Radiology, X-ray");
  expect_refused({"--held-out", "split=tset"}, "matches the filter: split=tset");
  expect_refused({"--held-out", "file_name=0.png"},
                 "training images and held-out images must have nothing in common");
  expect_refused({"--top-k", "0"}, "--top-k");
}

TEST_F(EvalMemorization, ImagesThatCannotBeComparedAreNamed) {
  write_jsonl(folder_ / "run/metadata.jsonl",
              {{{"file_name", "new0.png"}, {"text", "a knee"}}, {{"file_name", "new1.png"}}});
  expect_refused({}, "new0.png: expected one specialty and image type");
  write_jsonl(folder_ / "run/metadata.jsonl",
              {{{"file_name", "new0.png"}, {"specialty", "Surgery"}, {"image_type", "Laparoscopy"}},
               {{"file_name", "new1.png"}}});
  expect_refused({}, "no real image is of its specialty and image type (Surgery, Laparoscopy");
  write_jsonl(folder_ / "run/metadata.jsonl", {{{"file_name", "new0.png"}, {"text", "a mole"}},
                                               {{"file_name", "broken.png"}, {"text", "a mole"}}});
  write_file(folder_ / "run/broken.png", "no picture");
  expect_refused({}, "broken.png");
  save_weights(folder_ / "nan.safetensors", true);
  write_run();
  expect_refused({"--weights", "nan.safetensors"}, "features are not finite");
}

}  // namespace
}  // namespace medisyn
