#include "medisyn/eval/reader_study/leak_check.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "medisyn/core/error.h"
#include "medisyn/eval/reader_study/assemble.h"
#include "medisyn/eval/reader_study/draw.h"
#include "medisyn/eval/reader_study/stored_png.h"

namespace medisyn {
namespace {

/// Noise for real images, one colour for synthetic ones: compressed, their files would differ by far.
Image picture(bool is_synthetic, int pixels, Draw& draw) {
  Image image{.height = pixels, .width = pixels, .pixels = {}};
  image.pixels.resize(static_cast<std::size_t>(pixels * pixels) * 3, 128);
  for (std::uint8_t& value : image.pixels) {
    value = is_synthetic ? 128 : static_cast<std::uint8_t>(draw.below(256));
  }
  return image;
}

TEST(StoredPng, IsReadBackAndOfOneSize) {
  Draw draw(0, "pictures");
  const Image noise = picture(false, 200, draw), flat = picture(true, 200, draw);
  const std::string a = encode_stored_png(noise), b = encode_stored_png(flat);
  EXPECT_EQ(decode_image(a, "a"), noise);
  EXPECT_EQ(decode_image(b, "b"), flat);
  EXPECT_EQ(a.size(), b.size());
  const std::vector<PngChunk> chunks = png_chunks(a, "a");
  ASSERT_EQ(chunks.size(), 3U);
  EXPECT_EQ(chunks[1].type, "IDAT");
  EXPECT_EQ(chunks[1].bytes, png_chunks(b, "b")[1].bytes);
  EXPECT_THROW(png_chunks(a + "x", "a"), Error);
  EXPECT_THROW(png_chunks(a.substr(0, 100), "a"), Error);
}

/// A study of 40 single images, real and synthetic in turn, with names that are drawn.
class LeakCheck : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "images");
    Draw names(3, "names"), draw(0, "pictures");
    Part part{.kind = PartKind::kSingles};
    for (int i = 0; i < 40; ++i) {
      const std::uint64_t high = names.bits();
      const std::string name = fmt::format("images/{:016x}.png", high << 32U | names.bits());
      part.trials.push_back({.id = fmt::format("s{:03}", i + 1), .images = {name}});
      key_.images[name] = {.is_synthetic = i % 2 == 0};
    }
    study_.parts = {part};
    for (const auto& [name, image] : key_.images) {
      write_file(folder_ / name, encode_stored_png(picture(image.is_synthetic, 16, draw)));
      fs::last_write_time(folder_ / name, fs::file_time_type{});
    }
  }

  std::string refusal() const {
    try {
      require_no_leak(leak_tests(folder_, study_, key_));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  /// Writes the synthetic (or the real) images anew.
  void rewrite(bool synthetic, const std::function<void(const fs::path&, const Image&)>& write) {
    Draw draw(1, "pictures");
    for (const auto& [name, image] : key_.images) {
      if (image.is_synthetic == synthetic) {
        write(folder_ / name, picture(synthetic, 16, draw));
        fs::last_write_time(folder_ / name, fs::file_time_type{});
      }
    }
  }

  fs::path folder_;
  Study study_;
  StudyKey key_;
};

TEST_F(LeakCheck, PassesWhatDiffersInPixelsAlone) { EXPECT_EQ(refusal(), ""); }

TEST_F(LeakCheck, FindsCompressedFilesByTheirSize) {
  for (const bool synthetic : {false, true}) {
    rewrite(synthetic, [](const fs::path& file, const Image& image) { write_file(file, encode_png(image)); });
  }
  EXPECT_THAT(refusal(), testing::HasSubstr("byte size alone tells synthetic from real images (AUROC 0.000"));
}

TEST_F(LeakCheck, FindsTextInOneSideAndOtherTimes) {
  rewrite(true, [](const fs::path& file, const Image& image) {
    std::string bytes = encode_stored_png(image);
    const std::string chunk = encode_png(image, {{"seed", "7"}}).substr(33, 12 + 6);  // tEXt, behind IHDR
    write_file(file, bytes.insert(33, chunk));
  });
  EXPECT_THAT(refusal(), testing::HasSubstr("alone tells synthetic"));
  for (const LeakTest& test : leak_tests(folder_, study_, key_)) {
    if (test.property == "number of chunks") {
      EXPECT_EQ(test.auroc, 1);
    }
  }
  rewrite(true, [](const fs::path& file, const Image& image) { write_file(file, encode_stored_png(image)); });
  EXPECT_EQ(refusal(), "");
  for (const auto& [name, image] : key_.images) {
    if (image.is_synthetic) {
      fs::last_write_time(folder_ / name, fs::file_time_type{} + std::chrono::seconds(1));
    }
  }
  EXPECT_THAT(refusal(), testing::HasSubstr("time stamp"));
}

TEST_F(LeakCheck, FindsASequenceThatTells) {
  std::stable_partition(study_.parts[0].trials.begin(), study_.parts[0].trials.end(),
                        [&](const Trial& trial) { return key_.images.at(trial.images[0]).is_synthetic; });
  EXPECT_THAT(refusal(), testing::HasSubstr("order in the study"));
}

/// Nothing of a design but images, ids and feedback is in what readers get.
TEST(Assemble, ReadersSeeNoTruthAndTheKeyHoldsIt) {
  ReaderStudyConfig config;
  config.title = "A study";
  config.readers = {{"experts", 2}, {"others", 1}};
  StudyCandidates candidates{.classes = {"Normal"}};
  std::vector<std::string> real, synthetic;
  for (int i = 0; i < 20; ++i) {
    candidates.real.push_back({.id = fmt::format("r{}", i), .group = fmt::format("patient-{}", i)});
    candidates.synthetic.push_back({.id = fmt::format("s{}", i)});
    real.push_back(fmt::format("source/real-{}.png", i));
    synthetic.push_back(fmt::format("source/made-{}.png", i));
  }
  const DesignCounts counts{.real_real = 2, .mixed = 2, .real = 2, .synthetic = 2, .training_pairs = 1};
  const RankPartners rank = [](const auto& anchors, const auto&, std::size_t k) {
    std::vector<RankedPartner> ranked;
    for (std::size_t a = 0; a < anchors.size(); ++a) {
      for (std::size_t j = 0; j < k; ++j) {
        ranked.push_back({a, j, 0.5});
      }
    }
    return ranked;
  };
  const Design design = make_design(counts, candidates, rank, 5);
  const AssembledStudy made = assemble_study(design, candidates, real, synthetic, config);
  const Json json = to_json(made.study);
  EXPECT_EQ(study_from_json(json, "study.json"), made.study);
  EXPECT_EQ(key_from_json(to_json(made.key), "key.json"), made.key);
  const std::string parts = json["parts"][0]["trials"].dump() + json["parts"][1]["trials"].dump();
  for (const char* tell : {"real", "synthetic", "source", "patient", "Normal"}) {
    EXPECT_THAT(parts, testing::Not(testing::HasSubstr(tell)));
  }
  EXPECT_EQ(made.key.trials.size(), 8U);
  EXPECT_EQ(made.key.images.size(), 2U * 5 + 4);
  EXPECT_EQ(made.key.readers,
            (std::map<std::string, std::string>{{"R01", "experts"}, {"R02", "experts"}, {"R03", "others"}}));
  EXPECT_EQ(made.study.parts[0].training.size(), 1U);
  EXPECT_THAT(made.study.parts[0].training[0].feedback, testing::HasSubstr("The left image is"));
  EXPECT_EQ(to_json(assemble_study(design, candidates, real, synthetic, config).study).dump(), json.dump());
  config.seed = 1;
  EXPECT_NE(assemble_study(design, candidates, real, synthetic, config).study.id, made.study.id);
}

}  // namespace
}  // namespace medisyn
