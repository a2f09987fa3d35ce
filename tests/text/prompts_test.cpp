// Prompt files in their three forms, and each mistake in them.
#include "medisyn/text/prompts.h"

#include <gmock/gmock.h>

#include <map>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

using testing::ElementsAre;

std::vector<Prompt> prompts_in(const std::string& name, const std::string& text,
                               const std::string& text_template = "") {
  const fs::path file = fresh_folder() / name;
  write_file(file, text);
  return read_prompts(file, text_template);
}

Prompt prompt(const std::string& text) { return {.text = text}; }

TEST(Prompts, TextFileHoldsOnePromptALine) {
  const auto prompts = prompts_in("p.txt",
                                  "\xEF\xBB\xBF# comment\n\n  an axial CT slice  \r\n\t# indented comment\n"
                                  "lesion -- pigmented -5 --\nMRI #2");
  EXPECT_THAT(prompts, ElementsAre(prompt("an axial CT slice"), prompt("lesion -- pigmented -5 --"),
                                   prompt("MRI #2")));
}

TEST(Prompts, OptionsStandAtTheLinesEnd) {
  const auto line = parse_prompt_line(
      R"(chest X-ray --n 500 --seed=4294967295 --scale 5 --steps 30 --negative "a \"b\" c" --size 512x384)",
      "p:1");
  EXPECT_EQ(line.text, "chest X-ray");
  EXPECT_EQ(line.n, 500);
  EXPECT_EQ(line.seed, 4294967295U);
  EXPECT_EQ(line.scale, 5.0);
  EXPECT_EQ(line.steps, 30);
  EXPECT_EQ(line.negative, "a \"b\" c");
  EXPECT_EQ(line.size, (PixelSize{.width = 512, .height = 384}));
  EXPECT_EQ(parse_prompt_line("a --negative ''", "p:1").negative, "");
}

TEST(Prompts, BadOptionsNameFileAndLine) {
  const auto refuse = [](const std::string& line, const std::string& text) {
    EXPECT_ERROR(prompts_in("p.txt", "good\n" + line + "\n"), "p.txt:2: " + text);
  };
  refuse("a --sede 7", "unknown option \"--sede\"; did you mean \"--seed\"?");
  refuse("a --n 0", "--n: expected a whole number from 1 to");
  refuse("a --n 1.5", "--n: expected a whole number");
  refuse("a --seed -1", "--seed: expected a seed from 0 to 4294967295, found -1");
  refuse("a --seed 4294967296", "--seed: expected a seed from 0 to 4294967295");
  refuse("a --seed x", "--seed: expected a whole number from 0 to 4294967295, found \"x\"");
  refuse("a --scale nan", "--scale: expected a number from 0 to 1000");
  refuse("a --scale -1", "--scale: expected a number");
  refuse("a --steps", "--steps: expected a value");
  refuse("a --size 512", "--size: expected WIDTHxHEIGHT");
  refuse("a --size 0x8", "--size: expected WIDTHxHEIGHT");
  refuse("a --negative \"open", "--negative: expected a closing \"");
  refuse("a --negative two words", "expected an option such as --n 5, found \"words\"");
  refuse("a --n 1 --n 2", "--n is given twice");
  refuse("--n 1", "expected a prompt in front of the options");
}

TEST(Prompts, CsvColumnsAndEmptyCells) {
  const auto prompts = prompts_in("p.csv", "prompt,n,seed,negative\n\"a, b\",2,7,\n,,,none\n");
  ASSERT_EQ(prompts.size(), 2);
  EXPECT_EQ(prompts[0], (Prompt{.text = "a, b", .n = 2, .seed = 7}));
  EXPECT_EQ(prompts[1], (Prompt{.negative = "none"}));
  EXPECT_ERROR(prompts_in("p.csv", "text,sede\na,1\n"),
               "p.csv:2: unknown column \"sede\"; did you mean \"seed\"?");
  EXPECT_ERROR(prompts_in("p.csv", "text,seed\na,x\n"), "p.csv:2: seed: expected a whole number");
  EXPECT_ERROR(prompts_in("p.csv", "seed\n1\n"), "text");
}

TEST(Prompts, JsonLines) {
  const auto prompts =
      prompts_in("p.jsonl", R"({"text": "", "seed": 3, "scale": 1.5, "size": "64x32", "steps": null})"
                            "\n"
                            R"({"prompt": "b", "negative": ""})");
  ASSERT_EQ(prompts.size(), 2);
  EXPECT_EQ(prompts[0], (Prompt{.seed = 3, .scale = 1.5, .size = PixelSize{.width = 64, .height = 32}}));
  EXPECT_EQ(prompts[1], (Prompt{.text = "b", .negative = ""}));
  EXPECT_ERROR(prompts_in("p.jsonl", "{\"text\": \"a\"}\n[]\n"), "p.jsonl:2: expected an object");
  EXPECT_ERROR(prompts_in("p.jsonl", R"({"txt": "a"})"), "p.jsonl:1: expected a key \"text\"");
  EXPECT_ERROR(prompts_in("p.jsonl", R"({"text": "a", "sede": 1})"),
               "unknown key \"sede\"; did you mean \"seed\"?");
  EXPECT_ERROR(prompts_in("p.jsonl", R"({"text": "a", "seed": "1"})"),
               "seed: expected a number, found \"1\"");
  EXPECT_ERROR(prompts_in("p.jsonl", R"({"text": "a", "seed": 1.0})"), "seed: expected a whole number");
  EXPECT_ERROR(prompts_in("p.jsonl", R"({"text": "a", "n": true})"), "n: expected a number, found true");
  EXPECT_ERROR(prompts_in("p.jsonl", R"({"text": "a", "negative": 1})"), "negative: expected a text");
  EXPECT_ERROR(prompts_in("p.jsonl", "{\"text\": \"a\"\n"), "p.jsonl:1");
}

TEST(Prompts, ManifestLinesKeepTheirTextAndGeneratedOnesEverything) {
  const auto prompts = prompts_in(
      "metadata.jsonl",
      R"({"file_name": "a.png", "text": "CT", "size": 1234, "seed": "s", "id": "x"})"
      "\n"
      R"({"file_name": "b.png", "text": "MRI", "sampler": "ddim", "seed": 9, "steps": 4, "model_sha256": "0"})");
  ASSERT_EQ(prompts.size(), 2);
  EXPECT_EQ(prompts[0], (Prompt{.text = "CT", .is_record = true}));
  EXPECT_EQ(prompts[1], (Prompt{.text = "MRI", .seed = 9, .steps = 4, .is_record = true}));
}

TEST(Prompts, TemplatesTakeTheColumnsOfClassTablesAndManifests) {
  const std::string dermoscopy = "Dermoscopy image showing {disease}[, {site}]";
  const auto classes = prompts_in("p.csv", "disease,site,n\nmelanoma,,500\nnevus,back,\n", dermoscopy);
  EXPECT_THAT(classes, ElementsAre(Prompt{.text = "Dermoscopy image showing melanoma", .n = 500},
                                   prompt("Dermoscopy image showing nevus, back")));
  const auto records = prompts_in(
      "metadata.jsonl", R"({"file_name": "a.png", "text": "x", "labels": ["edema", "mass", "nodule"]})",
      "X-ray showing {labels}");
  EXPECT_THAT(records,
              ElementsAre(Prompt{.text = "X-ray showing edema, mass and nodule", .is_record = true}));
  EXPECT_ERROR(prompts_in("p.csv", "disease\nmelanoma\n", "{diseases}"),
               "p.csv:2: template \"{diseases}\": no placeholder {diseases}, did you mean {disease}?");
  EXPECT_ERROR(prompts_in("p.txt", "melanoma\n", dermoscopy), "p.txt: --template takes the columns");
}

TEST(Prompts, PaperSetsAreWhole) {
  std::map<std::string, std::int64_t> images, prompts;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(MEDISYN_SOURCE) / "configs/prompts")) {
    if (entry.is_regular_file()) {
      const std::string set = entry.path().parent_path().filename().string();
      for (const Prompt& one : read_prompts(entry.path())) {
        ++prompts[set];
        images[set] += one.n.value_or(0);
      }
    }
  }
  EXPECT_EQ(prompts["memorization"], 20);
  EXPECT_EQ(images["memorization"], 10'000);
  EXPECT_EQ(prompts["classify"], 15 + 4 + 4);
}

TEST(Prompts, RefusesFilesWithoutPrompts) {
  EXPECT_ERROR(prompts_in("p.txt", ""), "p.txt: expected at least one prompt, found none");
  EXPECT_ERROR(prompts_in("p.txt", "# only a comment\n"), "p.txt: expected at least one prompt");
  EXPECT_ERROR(prompts_in("p.csv", ""), "p.csv: expected at least one prompt");
  EXPECT_ERROR(prompts_in("p.csv", "text\n"), "p.csv: expected at least one prompt");
  EXPECT_ERROR(prompts_in("p.jsonl", "\n"), "p.jsonl: expected at least one prompt");
  EXPECT_ERROR(prompts_in("p.md", "a"), "expected a prompt file that ends in .txt, .csv or .jsonl");
  EXPECT_ERROR(read_prompts("no/such.txt"), "no/such.txt");
}

TEST(Prompts, RefusesWhatIsNotUtf8) {
  EXPECT_ERROR(prompts_in("p.txt", "a\nb\xe9\n"), "p.txt:2: expected UTF-8 text, found the byte 0xE9");
  EXPECT_ERROR(prompts_in("p.txt", "a\n\xc0\xaf\n"), "p.txt:2: expected UTF-8 text");
  EXPECT_ERROR(prompts_in("p.txt", std::string("a\0", 2)),
               "p.txt:1: expected UTF-8 text, found the byte 0x00");
  EXPECT_ERROR(prompts_in("p.csv", "text\n\xff\n"), "p.csv:2: expected UTF-8 text");
  EXPECT_ERROR(prompts_in("p.jsonl", "{\"text\": \"\xff\"}"), "p.jsonl:1: expected UTF-8 text");
}

TEST(Prompts, SizesReadBackAsWritten) {
  EXPECT_EQ(format_size(parse_size("64x32", "")), "64x32");
  EXPECT_ERROR(parse_size("64x32x1", "--size"), "--size: expected WIDTHxHEIGHT");
  EXPECT_ERROR(parse_size("", "--size"), "--size: expected WIDTHxHEIGHT");
  EXPECT_ERROR(parse_size("99999x8", "--size"), "--size: expected WIDTHxHEIGHT");
}

}  // namespace
}  // namespace medisyn
