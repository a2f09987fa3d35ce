// `medisyn eval fid` as a user runs it.
#include <gmock/gmock.h>
#include <torch/types.h>

#include "../fresh_folder.h"
#include "../run_program.h"
#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"
#include "medisyn/io/image.h"
#include "medisyn/io/npz.h"
#include "medisyn/models/efficientnet_lite0.h"
#include "medisyn/models/hf_folder.h"

namespace medisyn {
namespace {

using testing::HasSubstr;

Image picture(int seed, int shade) {
  Image image{48, 40, {}};
  for (int i = 0; i < 48 * 40 * 3; ++i) {
    image.pixels.push_back(
        static_cast<std::uint8_t>((i * (7 + seed) + i * i % (11 + 5 * seed)) % 128 + shade));
  }
  return image;
}

class EvalFid : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder() = fresh_folder();
    torch::manual_seed(1);
    EfficientNetLite0 model;
    save_parameters(folder() / "w.safetensors", *model);
    for (const auto& [name, shade] : {std::pair{"real", 40}, {"generated", 90}}) {
      fs::create_directories(folder() / name);
      for (int i = 0; i < 12; ++i) {
        write_file(folder() / name / fmt::format("{:02}.png", i), encode_png(picture(i, shade)));
      }
    }
  }
  static void TearDownTestSuite() { fs::remove_all(folder()); }

  static fs::path& folder() {
    static fs::path folder;
    return folder;
  }

  static ProgramResult run(std::vector<std::string> arguments) {
    std::vector<std::string> words = {"eval", "fid", "--device", "cpu"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return run_program(words, folder());
  }

  static std::vector<std::string> with_extractor(std::vector<std::string> arguments) {
    for (const char* word : {"--extractor", "efficientnet_lite0", "--weights", "w.safetensors"}) {
      arguments.emplace_back(word);
    }
    return arguments;
  }

  static Json metrics(const std::vector<std::string>& arguments) {
    std::vector<std::string> words = with_extractor(arguments);
    words.emplace_back("--json");
    const ProgramResult result = run(words);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return result.exit_code == 0 ? Json::parse(result.output).at("metrics") : Json();
  }

  static void expect_refused(const std::vector<std::string>& arguments, const std::string& what) {
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.exit_code, 2) << result.errors;
    EXPECT_THAT(result.errors, HasSubstr(what));
  }
};

TEST_F(EvalFid, WritesWhatWasMeasuredAndHow) {
  const Json found = metrics({"--real", "real", "--generated", "generated", "--out", "run", "--bootstrap",
                              "5", "--save-features", "--save-statistics", "real.npz", "--cache", "cache"});
  const Json result = Json::parse(read_file(folder() / "run/result.json"));
  EXPECT_EQ(result["metrics"], found);
  EXPECT_GT(found["fid"], 0);
  EXPECT_EQ(found["extractor"], "efficientnet_lite0");
  EXPECT_EQ(found["weights_sha256"], sha256_file(folder() / "w.safetensors"));
  EXPECT_EQ(found["n_real"], 12);
  EXPECT_EQ(found["n_generated"], 12);
  EXPECT_EQ(found["real_formats"], (Json{{"png", 12}}));
  EXPECT_EQ(found["is_inception_fid"], false);
  EXPECT_EQ(found["neighbours"], 5);
  EXPECT_GE(found["precision"], 0);
  EXPECT_EQ(found["fd_infinity"]["sizes"][0], 6);
  EXPECT_EQ(found["fid_interval"]["resamples"], 5);
  EXPECT_EQ(found["real_floor"]["n"], 6);
  const std::string csv = read_file(folder() / "run/fid.csv");
  EXPECT_THAT(csv, testing::StartsWith("extractor,mode,weights_sha256,n_real,n_generated,fid,kid,"));
  EXPECT_THAT(csv, HasSubstr("efficientnet_lite0,efficientnet_lite0," +
                             found["weights_sha256"].get<std::string>() + ",12,12,"));
  const TensorMap features = read_npz(folder() / "run/features.npz");
  EXPECT_EQ(features.at("real").sizes(), (std::vector<std::int64_t>{12, 1280}));
  EXPECT_TRUE(fs::exists(folder() / "cache"));

  // The file of statistics, and the cache, in place of the images.
  const Json again = metrics({"--real", "real.npz", "--generated", "generated", "--cache", "cache"});
  EXPECT_NEAR(again["fid"].get<double>(), found["fid"].get<double>(), 1e-9);
  EXPECT_EQ(again["n_real"], 12);
  EXPECT_TRUE(again["kid"].is_null());
  EXPECT_EQ(again["fd_infinity"], found["fd_infinity"]);
}

TEST_F(EvalFid, TwoRanksGiveTheNumbersOfOne) {
  const std::vector<std::string> words = {"--real", "real", "--generated", "generated", "--threads", "1"};
  std::vector<std::string> on_two = words;
  on_two.insert(on_two.end(), {"--nproc", "2"});
  EXPECT_EQ(metrics(on_two), metrics(words));
}

TEST_F(EvalFid, TwoFilesOfStatisticsNeedNoExtractor) {
  const torch::Tensor mean = torch::zeros({2}, torch::kDouble);
  const torch::Tensor sigma = torch::eye(2, torch::kDouble);
  write_npz(folder() / "a.npz", {{"mu", mean}, {"sigma", sigma}});
  write_npz(folder() / "b.npz", {{"mu", mean + 1}, {"sigma", sigma * 4}});
  const ProgramResult result = run({"--real", "a.npz", "--generated", "b.npz", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_NEAR(Json::parse(result.output)["metrics"]["fid"].get<double>(), 4, 1e-12);
  EXPECT_THAT(result.errors, HasSubstr("does not say how its features were made"));
}

TEST_F(EvalFid, StatisticsOfOtherFeaturesAreRefused) {
  ASSERT_EQ(run(with_extractor({"--real", "real", "--save-statistics", "other.npz"})).exit_code, 0);
  torch::manual_seed(2);
  EfficientNetLite0 model;
  save_parameters(folder() / "v.safetensors", *model);
  expect_refused({"--real", "other.npz", "--generated", "generated", "--extractor", "efficientnet_lite0",
                  "--weights", "v.safetensors", "--out", "refused"},
                 "other.npz: weights_sha256: made with");
  EXPECT_FALSE(fs::exists(folder() / "refused"));
  expect_refused(with_extractor({"--real", "real", "--save-statistics", "other.npz"}), "is there already");
  write_npz(folder() / "narrow.npz", {{"mu", torch::zeros({2})}, {"sigma", torch::eye(2)}});
  expect_refused(with_extractor({"--real", "narrow.npz", "--generated", "generated"}),
                 "narrow.npz: expected features of 1280 values, found 2");
}

TEST_F(EvalFid, NamesWhatIsWrong) {
  fs::create_directories(folder() / "none");
  fs::create_directories(folder() / "one");
  write_file(folder() / "one/a.png", encode_png(picture(1, 0)));
  fs::create_directories(folder() / "mixed");
  write_file(folder() / "mixed/a.png", encode_png(picture(1, 0)));
  write_file(folder() / "mixed/b.png", "no picture");
  expect_refused({"--real", "real", "--generated", "generated"},
                 "--extractor inception: its weights are needed");
  expect_refused(with_extractor({"--real", "real"}), "expected --generated");
  expect_refused(with_extractor({"--real", "none", "--generated", "generated"}), "none");
  expect_refused(with_extractor({"--real", "one", "--generated", "generated"}),
                 "expected at least 2 images, found 1");
  expect_refused(with_extractor({"--real", "real", "--generated", "mixed"}), "b.png");
  expect_refused(with_extractor({"--real", "real", "--generated", "generated", "--mode", "clean-fid"}),
                 "has one way alone");
  expect_refused(with_extractor({"--real", "real", "--generated", "generated", "--kid-subset-size", "13"}),
                 "--kid-subset-size 13: expected at most the number of real images, 12");
  expect_refused(with_extractor({"--real", "real.png.npz", "--generated", "generated"}), "real.png.npz");
}

}  // namespace
}  // namespace medisyn
