// The program as it is typed: help, exit codes, and one clear line for each mistake.
#include <gmock/gmock.h>

#include <algorithm>

#include "../fresh_folder.h"
#include "../run_program.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

using testing::HasSubstr;

/// A mistake of the user: exit code 2, nothing on stdout, one line on stderr that holds `text`.
void expect_refused(const std::vector<std::string>& arguments, const fs::path& folder,
                    const std::string& text) {
  const ProgramResult result = run_program(arguments, folder);
  EXPECT_EQ(result.exit_code, 2) << result.errors;
  EXPECT_EQ(result.output, "");
  EXPECT_THAT(result.errors, HasSubstr(text));
  EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
}

TEST(CommandLine, HelpOfEveryCommandNamesItsOptions) {
  const fs::path folder = fresh_folder();
  const std::vector<std::pair<std::vector<std::string>, std::string>> commands = {
      {{"--help"}, "generate"},
      {{"curate", "--help"}, "--config"},
      {{"train", "--help"}, "--resume"},
      {{"generate", "--help"}, "--prompts"},
      {{"eval", "--help"}, "msssim"},
      {{"eval", "fid", "--help"}, "--extractor"},
      {{"eval", "msssim", "--help"}, "--scales"},
      {{"eval", "alignment", "--help"}, "--generated"},
      {{"eval", "memorization", "--help"}, "--model"},
      {{"model", "--help"}, "tokenize"},
      {{"model", "tokenize", "--help"}, "--text-file"},
      {{"model", "train-tokenizer", "--help"}, "--vocab-size"},
      {{"model", "inspect", "--help"}, "DIR"},
      {{"model", "init", "--help"}, "--tokenizer"},
      {{"model", "convert", "--help"}, "--base"},
      {{"model", "export", "--help"}, "--dtype"},
      {{"report", "--help"}, "--config"}};
  for (const auto& [arguments, option] : commands) {
    const ProgramResult result = run_program(arguments, folder);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    EXPECT_THAT(result.output, HasSubstr(option));
    EXPECT_EQ(result.errors, "");
  }
}

TEST(CommandLine, VersionIsPrinted) {
  const ProgramResult result = run_program({"--version"}, fresh_folder());
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, testing::MatchesRegex("medisyn [0-9.]+ \\(.*\\)\n"));
}

TEST(CommandLine, MistypedNamesAreSuggested) {
  const fs::path folder = fresh_folder();
  expect_refused({"trian"}, folder, "medisyn trian: no such command; did you mean train?");
  expect_refused({"xyzzy"}, folder, "medisyn xyzzy: no such command (see medisyn --help)");
  expect_refused({"train", "--confg", "x.yaml"}, folder, "did you mean --config?");
  expect_refused({"eval", "fdi"}, folder, "did you mean fid?");
}

TEST(CommandLine, MissingAndBadConfigsAreOneLine) {
  const fs::path folder = fresh_folder();
  expect_refused({"train", "--config", "none.yaml", "--out", "run"}, folder, "none.yaml: no such config");
  write_file(folder / "bad.yaml", "objective: vae\noptimzer: {}\n");
  expect_refused({"train", "--config", "bad.yaml", "--out", "run"}, folder,
                 "bad.yaml:2: optimzer: unknown key; did you mean optimizer?");
  write_file(folder / "curate.yaml", "repositoris: []\n");
  expect_refused({"curate", "--config", "curate.yaml", "--out", "run"}, folder,
                 "curate.yaml:1: repositoris: unknown key; did you mean repositories?");
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST(CommandLine, GenerateNamesWhatIsMissing) {
  const fs::path folder = fresh_folder();
  expect_refused({"generate", "--model", "none", "--prompt", "x", "--out", "run"}, folder, "none");
  fs::create_directories(folder / "model");
  write_file(folder / "empty.txt", "");
  write_file(folder / "latin1.txt", "caf\xE9\n");
  expect_refused({"generate", "--model", "model", "--prompts", "empty.txt", "--out", "run"}, folder,
                 "empty.txt");
  expect_refused({"generate", "--model", "model", "--prompts", "latin1.txt", "--out", "run"}, folder,
                 "latin1.txt:1");
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST(CommandLine, ModelTokenizePrintsOneArrayALine) {
  const fs::path folder = fresh_folder();
  fs::create_directories(folder / "model/tokenizer");
  write_file(folder / "model/tokenizer/vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nct\n#\n");
  write_file(folder / "model/tokenizer/tokenizer_config.json", R"({"model_max_length": 5})");
  write_file(folder / "texts.txt", "CT\n\n# ct\nct ct x ct ct\nct");
  const ProgramResult result =
      run_program({"model", "tokenize", "--model", "model", "--text-file", "texts.txt"}, folder);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, "[2, 4, 3]\n[2, 3]\n[2, 5, 4, 3]\n[2, 4, 4, 1, 3]\n[2, 4, 3]\n");
  EXPECT_THAT(result.errors,
              HasSubstr("line 4: longer than the 5 tokens of the model; not seen by it: \"ct ct\""));
  expect_refused({"model", "tokenize", "--model", "none", "--text-file", "texts.txt"}, folder, "none");
  expect_refused({"model", "tokenise"}, folder, "did you mean tokenize?");
}

TEST(CommandLine, EvalNamesWhatIsMissing) {
  const fs::path folder = fresh_folder();
  expect_refused({"eval", "msssim", "--images", "none", "--out", "run"}, folder, "none");
  expect_refused(
      {"eval", "fid", "--real", "a", "--generated", "b", "--extractor", "incepton", "--out", "run"}, folder,
      "incepton");
  EXPECT_FALSE(fs::exists(folder / "run"));
}

}  // namespace
}  // namespace medisyn
