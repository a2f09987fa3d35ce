// `medisyn generate --nproc`: the same bytes from one rank and from several, a rank that dies, sweeps,
// templates.
#include <signal.h>

#include <thread>

#include "generate_fixture.h"
#include "medisyn/io/csv.h"
#include "medisyn/io/jsonl.h"

namespace medisyn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class GenerateRanks : public Generate {
 protected:
  void expect_same_folder(const std::string& a, const std::string& b) {
    ASSERT_EQ(names(a), names(b));
    for (const std::string& name : names(a)) {
      if (name != "result.json") {  // holds the time
        EXPECT_EQ(bytes(a + "/" + name), bytes(b + "/" + name)) << name;
      }
    }
  }

  Words words(const std::string& out, const Words& more) const {
    Words all{"--prompts", "p.txt", "--batch", "1", "--save-latents", "--out", out};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

TEST_F(GenerateRanks, SeveralMakeTheBytesOfOne) {
  expect_done(words("one", {}));
  const ProgramResult result = run(words("three", {"--nproc", "3", "--json"}));
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  expect_same_folder("one", "three");
  const Json record = Json::parse(result.output);
  EXPECT_EQ(record["metrics"]["images"], 5);
  EXPECT_EQ(record["metrics"]["made"], 5);
  // More ranks than batches: some have nothing to do.
  expect_done(words("eight", {"--nproc", "8"}));
  expect_same_folder("one", "eight");
}

TEST_F(GenerateRanks, DeadRankIsNamedAndItsShareMadeAgain) {
  expect_done(words("one", {"--steps", "300"}));
  Words command{"generate", "--model", model_, "--scale", "4", "--threads", "1"};
  const Words rest = words("two", {"--steps", "300", "--nproc", "2"});
  command.insert(command.end(), rest.begin(), rest.end());
  const pid_t launcher = start_program(command, folder_);
  std::vector<pid_t> ranks;
  // The second rank draws images 1 and 3: it dies at work, whatever is done by then.
  for (int i = 0; i < 600 && !fs::exists(folder_ / "two/00001.png"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ranks = ranks_of(launcher);
  }
  ASSERT_EQ(ranks.size(), 2U);
  kill(ranks[1], SIGKILL);
  const ProgramResult result = wait_for(launcher, folder_);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, HasSubstr("rank 1 of 2 was killed by signal 9"));
  EXPECT_THAT(result.errors, HasSubstr("medisyn generate"));
  EXPECT_FALSE(fs::exists(folder_ / "two/result.json"));
  EXPECT_TRUE(fs::exists(folder_ / "two/00004.png")) << "the other rank went on";
  expect_done(rest);
  expect_same_folder("one", "two");
}

TEST_F(GenerateRanks, PromptFilesOfConfigsAreFoundAndFoldersOfOthersStay) {
  fs::create_directories(folder_ / "configs/prompts");
  fs::rename(folder_ / "p.txt", folder_ / "configs/prompts/p.txt");
  fs::create_directories(folder_ / "o/ranks");
  write_file(folder_ / "o/ranks/notes.txt", "somebody's");
  expect_done({"--prompts", "prompts/p.txt", "--out", "o", "--nproc", "2"});
  EXPECT_EQ(Json::parse(bytes("o/result.json"))["inputs"][1]["path"], "configs/prompts/p.txt");
  EXPECT_EQ(bytes("o/ranks/notes.txt"), "somebody's");
}

TEST_F(GenerateRanks, MistakesOfAllRanksAreTheUsers) {
  const ProgramResult result = run({"--prompt", "CT", "--out", "o", "--nproc", "2", "--sampler", "ddin"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("did you mean ddim?"));
  EXPECT_FALSE(fs::exists(folder_ / "o"));
  expect_refused({"--prompt", "CT", "--out", "o", "--nproc", "0"}, "--nproc 0: expected 1 to");
}

TEST_F(GenerateRanks, SweepDrawsAGridOfEachImage) {
  expect_done({"--prompts", "p.txt", "--out", "o", "--sweep", "scale=1,3", "steps=2,3"});
  const auto rows = read_jsonl(folder_ / "o/metadata.jsonl");
  ASSERT_EQ(rows.size(), 5U * 4);
  EXPECT_EQ(rows[1]["scale"], 3.0);
  EXPECT_EQ(rows[1]["steps"], 2);
  EXPECT_EQ(rows[2]["steps"], 3);
  EXPECT_EQ(rows[3]["seed"], rows[0]["seed"]);
  const Table table = read_csv(folder_ / "o/sweep.csv");
  ASSERT_EQ(table.rows.size(), rows.size());
  EXPECT_THAT(table.rows[7], ElementsAre("sweep/00001.png", "00007.png", "CT of the lung", "8", "3", "3.0"));
  EXPECT_TRUE(fs::exists(folder_ / "o/sweep/00004.png"));
  EXPECT_GT(read_image(folder_ / "o/sweep/00000.png").width, 2 * 32);
  write_file(folder_ / "alone.txt", "CT of the lung --seed 8 --scale 3\n");
  expect_done({"--prompts", "alone.txt", "--out", "alone"});
  EXPECT_LE(largest_difference("o/00007.png", "alone/00000.png"), 1) << "the same as drawn alone";
  expect_refused({"--prompt", "CT", "--out", "p", "--sweep", "scales=1"},
                 "--sweep scales=1: expected scale=");
  expect_refused({"--prompt", "CT", "--out", "p", "--sweep", "steps=2.5"}, "expected whole numbers of steps");
  expect_refused({"--prompt", "CT", "--out", "p", "--sweep", "scale=1,x"}, "expected numbers such as");
}

TEST_F(GenerateRanks, ShardsHoldPictureRowAndText) {
  expect_done({"--prompts", "p.txt", "--out", "o", "--shards", "3", "--nproc", "2"});
  EXPECT_THAT(names("o/shards"), ElementsAre("00000.tar", "00001.tar"));
  const std::string tar = bytes("o/shards/00001.tar");
  EXPECT_THAT(tar, HasSubstr("00004.png"));
  EXPECT_THAT(tar, HasSubstr(bytes("o/00004.png")));
  EXPECT_THAT(tar, HasSubstr("00004.txt"));
  EXPECT_THAT(tar, testing::Not(HasSubstr("00002.png")));
  expect_refused({"--prompt", "CT", "--out", "p", "--shards", "0"}, "--shards: expected a number from 1");
}

TEST_F(GenerateRanks, TemplatesAndVaeTilingFromTheCommandLine) {
  write_file(folder_ / "c.csv", "disease,n\nmelanoma,1\nnevus,2\n");
  expect_done({"--prompts", "c.csv", "--template", "Dermoscopy image showing {disease}", "--out", "o",
               "--size", "64x48", "--vae-tiling", "always"});
  const auto rows = read_jsonl(folder_ / "o/metadata.jsonl");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[2]["text"], "Dermoscopy image showing nevus");
  EXPECT_EQ(Json::parse(bytes("o/result.json"))["metrics"]["vae_tiled"], 3);
  expect_refused({"--prompt", "CT", "--template", "{x}", "--out", "p"}, "--template: takes the columns");
  expect_refused({"--prompt", "CT", "--vae-tiling", "on", "--out", "p"}, "--vae-tiling on: expected auto");
}

}  // namespace
}  // namespace medisyn
