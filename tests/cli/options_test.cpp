#include "medisyn/cli/options.h"

#include "../expect_error.h"
#include "medisyn/core/log.h"

namespace medisyn {
namespace {

std::optional<int> parse(CommonOptions& options, std::vector<std::string> words) {
  words.insert(words.begin(), "medisyn test");
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  CLI::App app("test");
  add_common_options(app, options,
                     kTakesOut | kTakesSet | kTakesDevice | kTakesSeed | kTakesWhere | kTakesDryRun);
  return parse_options(app, options, static_cast<int>(argv.size()), argv.data());
}

TEST(Options, AreRead) {
  CommonOptions options;
  EXPECT_EQ(parse(options, {"--out", "o", "--set", "a=1", "--set", "b.c=2", "--device", "cpu", "--seed", "7",
                            "--where", "split=train", "--sample", "3", "--json", "--dry-run"}),
            std::nullopt);
  EXPECT_EQ(options.out, "o");
  EXPECT_EQ(options.set, (std::vector<std::string>{"a=1", "b.c=2"}));
  EXPECT_EQ(options.seed, 7U);
  EXPECT_EQ(options.sample, 3);
  EXPECT_TRUE(options.json && options.dry_run && !options.quiet);
}

TEST(Options, MistypedOptionIsSuggested) {
  CommonOptions options;
  EXPECT_ERROR(parse(options, {"--devise", "cpu"}), "did you mean --device?");
  EXPECT_ERROR(parse(options, {"--sead=3"}), "did you mean --seed?");
  EXPECT_ERROR(parse(options, {"--seed", "x"}), "medisyn test: ");
  EXPECT_ERROR(parse(options, {"--threads", "-1"}), "--threads -1: expected a number of at least 1");
}

TEST(Options, QuietSilencesMessages) {
  CommonOptions options;
  EXPECT_EQ(parse(options, {"--quiet"}), std::nullopt);
  EXPECT_TRUE(is_quiet());
  set_quiet(false);
}

}  // namespace
}  // namespace medisyn
