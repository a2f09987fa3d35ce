#include "medisyn/io/jsonl.h"

#include <string>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

TEST(Jsonl, RoundTripKeepsOrderAndUnicode) {
  const fs::path file = fresh_folder() / "a.jsonl";
  const std::vector<Json> values{
      {{"z", "µ ≥ “quoted” \"q\""}, {"a", 1.5}}, Json::array({1, nullptr}), "text"};
  write_jsonl(file, values);
  EXPECT_EQ(read_jsonl(file), values);
  EXPECT_NE(read_file(file).find("µ ≥"), std::string::npos);
  EXPECT_EQ(read_file(file).find("{\"z\""), 0U);
}

TEST(Jsonl, BlankLinesArePassedOverAndLinesCounted) {
  const fs::path file = fresh_folder() / "a.jsonl";
  write_file(file, "{}\r\n\n  \n[1]");
  const std::vector<JsonLine> lines = read_jsonl_lines(file);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].line, 1);
  EXPECT_EQ(lines[1].line, 4);
}

TEST(Jsonl, BadLinesAreNamed) {
  const fs::path file = fresh_folder() / "a.jsonl";
  write_file(file, "{}\n{\"a\": }\n");
  EXPECT_ERROR(read_jsonl(file), "a.jsonl:2: expected one JSON value in UTF-8");
  write_file(file, "{\"a\": \"\xFF\"}\n");
  EXPECT_ERROR(read_jsonl(file), "a.jsonl:1: expected one JSON value in UTF-8");
  write_file(file, "{} {}\n");
  EXPECT_ERROR(read_jsonl(file), "a.jsonl:1:");
  write_file(file, std::string(100, '[') + std::string(100, ']'));
  EXPECT_ERROR(read_jsonl(file), "nested deeper than 64");
  EXPECT_ERROR(read_jsonl(file.parent_path() / "none"), "none");
}

}  // namespace
}  // namespace medisyn
