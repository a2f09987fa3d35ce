// `medisyn curate` killed at any moment, and shared by the ranks of a job: the same data set comes of it.
#include <gmock/gmock.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "../curate/miniature.h"
#include "../dist/jobs.h"
#include "../fresh_folder.h"
#include "../run_program.h"
#include "medisyn/core/run_record.h"

namespace medisyn {
namespace {

constexpr int kPictures = 2000;

class CurateProgram : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fresh_folder();
    for (int n = 0; n < kPictures; ++n) {
      const fs::path file = folder_ / fmt::format("raw/p{:02}/{}.jpg", n % 40, n);
      fs::create_directories(file.parent_path());
      std::ofstream(file, std::ios::binary) << encode_jpeg(small_picture(n % 1990 + 1), 95);  // ten twice
    }
    write_file(folder_ / "curate.yaml", R"(root: raw
size: 64
repositories:
  - {name: made, reader: picture, path: ., specialty: Dermatology, image_type: Dermoscopy, caption: "A picture",
     source: made up, licence: CC0-1.0, patient: {regex: "p(\\d+)/"}}
)");
  }

  static std::vector<std::string> words(const std::string& out) {
    return {"curate", "--config", "curate.yaml", "--out", out, "--threads", "1", "--quiet"};
  }

  std::string whole() const {
    const ProgramResult result = run_program(words("whole"), folder_);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return slurp(folder_ / "whole/metadata.jsonl");
  }

  std::uintmax_t journal_bytes(const std::string& out) const {
    std::error_code none;
    const auto size = fs::file_size(folder_ / out / ".curate/items-0.jsonl", none);
    return none ? 0 : size;
  }

  fs::path folder_;
};

TEST_F(CurateProgram, KilledAtAnyMomentItGoesOn) {
  const std::string expected = whole();
  std::mt19937 generator(3);
  int killed = 0;
  for (int time = 0; time < 20; ++time) {
    const auto before = journal_bytes("broken");
    const pid_t child = start_program(words("broken"), folder_);
    const auto more = 1000 + generator() % 20'000;  // up to a few dozen files
    for (int wait = 0; wait < 20'000 && journal_bytes("broken") < before + more; ++wait) {
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
    kill(child, SIGKILL);
    killed += wait_for(child, folder_).exit_code == 128 + SIGKILL ? 1 : 0;
  }
  EXPECT_EQ(killed, 20);
  const ProgramResult result = run_program(words("broken"), folder_);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(slurp(folder_ / "broken/metadata.jsonl"), expected);
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "broken")) {
    EXPECT_FALSE(entry.path().filename().string().ends_with(".part")) << entry.path();
  }
}

TEST_F(CurateProgram, ShardsOfAKilledRunAreThoseOfAWholeOne) {
  const auto in_shards = [](const std::string& out, int images) {
    auto all = words(out);
    all.insert(all.end(), {"--set", fmt::format("shards.images={}", images)});
    return all;
  };
  const auto shards_of = [this](const std::string& out) {
    std::map<std::string, std::string> shards;
    for (const auto& entry : fs::directory_iterator(folder_ / out / "shards")) {
      shards[entry.path().filename().string()] = slurp(entry.path());
    }
    return shards;
  };
  const fs::path state = folder_ / "broken/.curate";
  const auto kill_when = [&](int images, const auto& is_time, int microseconds) {
    const pid_t child = start_program(in_shards("broken", images), folder_);
    for (int wait = 0; wait < 8'000 && !is_time(); ++wait) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
    kill(child, SIGKILL);
    wait_for(child, folder_);
  };
  EXPECT_EQ(run_program(in_shards("whole", 40), folder_).exit_code, 0);
  std::mt19937 generator(5);
  for (int time = 0; time < 8; ++time) {  // while files are read
    const auto before = journal_bytes("broken");
    kill_when(
        40, [&] { return journal_bytes("broken") >= before + 60'000; }, 0);
  }
  int half_way = 0;
  for (int time = 0; time < 12; ++time) {  // while shards are written, and put in the places of others
    const bool is_late = time % 3 == 2;
    const fs::path sign = state / (is_late ? "commit" : "commit.part");
    kill_when(
        time % 2 == 0 ? 30 : 50, [&] { return fs::exists(sign); },
        static_cast<int>(generator() % (is_late ? 1000 : 300'000)));
    half_way += fs::exists(state / "commit.part") || fs::exists(state / "commit") ? 1 : 0;
  }
  EXPECT_GE(half_way, 1);
  const ProgramResult result = run_program(in_shards("broken", 40), folder_);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  const auto expected = shards_of("whole");
  EXPECT_GE(expected.size(), 5U);
  EXPECT_EQ(shards_of("broken"), expected);
  EXPECT_EQ(slurp(folder_ / "broken/metadata.jsonl"), slurp(folder_ / "whole/metadata.jsonl"));
  EXPECT_FALSE(fs::exists(folder_ / "broken/images"));
  // Images are read out of them as out of files.
  const ProgramResult scores = run_program(
      {"eval", "msssim", "--images", "broken", "--scales", "1", "--pairs", "2000", "--json"}, folder_);
  EXPECT_EQ(scores.exit_code, 0) << scores.errors;
  whole();
  const ProgramResult of_files = run_program(
      {"eval", "msssim", "--images", "whole", "--scales", "1", "--pairs", "2000", "--json"}, folder_);
  EXPECT_FALSE(fs::exists(folder_ / "whole/shards"));
  EXPECT_EQ(Json::parse(scores.output)["metrics"], Json::parse(of_files.output)["metrics"]);
}

TEST_F(CurateProgram, TwoRanksShareTheFiles) {
  const std::string expected = whole();
  const std::string port = std::to_string(free_port());
  std::vector<pid_t> ranks;
  for (const char* rank : {"0", "1"}) {
    for (const auto& [name, value] : {std::pair{"RANK", rank},
                                      {"LOCAL_RANK", rank},
                                      {"WORLD_SIZE", "2"},
                                      {"MASTER_ADDR", "127.0.0.1"},
                                      {"MASTER_PORT", port.c_str()}}) {
      setenv(name, value, 1);
    }
    ranks.push_back(start_program(words("shared"), folder_));
  }
  for (const char* name : {"RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}) {
    unsetenv(name);
  }
  for (const pid_t rank : ranks) {
    const ProgramResult result = wait_for(rank, folder_);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
  }
  EXPECT_EQ(slurp(folder_ / "shared/metadata.jsonl"), expected);
}

TEST_F(CurateProgram, AskedToEndItKeepsWhatIsMade) {
  const std::string expected = whole();
  const pid_t child = start_program(words("out"), folder_);
  for (int wait = 0; wait < 2000 && slurp(folder_ / "out/.curate/items-0.jsonl").empty(); ++wait) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  kill(child, SIGTERM);
  const ProgramResult ended = wait_for(child, folder_);
  ASSERT_EQ(ended.exit_code, 143) << ended.errors;
  EXPECT_THAT(ended.errors, testing::HasSubstr("the same command goes on"));
  EXPECT_FALSE(fs::exists(folder_ / "out/metadata.jsonl"));
  EXPECT_EQ(run_program(words("out"), folder_).exit_code, 0);
  EXPECT_EQ(slurp(folder_ / "out/metadata.jsonl"), expected);
}

}  // namespace
}  // namespace medisyn
