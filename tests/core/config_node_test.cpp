#include "medisyn/core/config_node.h"

#include <fmt/format.h>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

TEST(ConfigNode, RemembersLines) {
  const ConfigNode root = parse_config_text("a: 1\nb:\n  c: x\n", "f.yaml");
  EXPECT_EQ(root.map("")[1].second.map("b")[0].second.where(), "f.yaml:3");
}

TEST(ConfigNode, BadSyntaxAndDuplicatesAreErrors) {
  EXPECT_ERROR(parse_config_text("a: [1, 2\n", "f.yaml"), "not valid YAML");
  EXPECT_ERROR(parse_config_text("a: 1\nb: 2\na: 3\n", "f.yaml"), "f.yaml:3: a: this key stands twice");
  EXPECT_ERROR(parse_config_text("? [1, 2]\n: 3\n", "f.yaml"), "a key must be a plain word");
}

TEST(ConfigNode, HostileDocumentsEndWithAnError) {
  EXPECT_ERROR(parse_config_text(std::string(200, '[') + std::string(200, ']'), "deep.yaml"),
               "nested too deeply");
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string alias = fmt::format("*a{}", i - 1);
    bomb += fmt::format("a{0}: &a{0} [", i);
    for (int j = 0; j < 10; ++j) {
      bomb += alias + ", ";
    }
    bomb += alias + "]\n";
  }
  EXPECT_ERROR(parse_config_text(bomb, "bomb.yaml"), "too large for a config");
}

TEST(ConfigNode, AnIncludedFileIsTheGroundOfTheOthersKeys) {
  const fs::path folder = fresh_folder();
  write_file(folder / "base.yaml", "a: 1\nb: {c: [1, 2], d: x}\n");
  write_file(folder / "over.yaml", "include: base.yaml\nb: {c: [3], e: y}\nf: 2\n");
  const ConfigNode root = parse_config_file(folder / "over.yaml");
  ASSERT_EQ(root.map("").size(), 3U);
  const auto& b = root.map("")[1].second.map("b");
  ASSERT_EQ(b.size(), 3U);
  EXPECT_EQ(b[0].second.list("b.c").size(), 1U);
  EXPECT_EQ(b[1].second.where(), (folder / "base.yaml").string() + ":2");
  EXPECT_EQ(b[2].second.where(), (folder / "over.yaml").string() + ":2");
  write_file(folder / "self.yaml", "include: self.yaml\n");
  EXPECT_ERROR(parse_config_file(folder / "self.yaml"), "does one include itself?");
  write_file(folder / "none.yaml", "a: 1\ninclude: missing.yaml\n");
  EXPECT_ERROR(parse_config_file(folder / "none.yaml"), "none.yaml:2: include: ");
  write_file(folder / "config.json", R"({"include": "base.yaml"})");
  EXPECT_EQ(parse_config_file(folder / "config.json").map("").size(), 1U);  // JSON of other programs
}

TEST(ConfigNode, NearestWord) {
  const std::vector<std::string> commands = {"curate", "train", "generate", "eval"};
  EXPECT_EQ(nearest_word("trian", commands), "train");
  EXPECT_EQ(nearest_word("generat", commands), "generate");
  EXPECT_EQ(nearest_word("xyzzy", commands), "");
  EXPECT_EQ(nearest_word("", commands), "");
}

}  // namespace
}  // namespace medisyn
