#include "medisyn/io/csv.h"

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

using Rows = std::vector<std::vector<std::string>>;

Table parse(const std::string& text, char separator = ',') {
  const fs::path file = fresh_folder() / "t.csv";
  write_file(file, text);
  return read_csv(file, separator);
}

TEST(Csv, ReadsQuotesLineBreaksAndByteOrderMark) {
  const Table table = parse("\xEF\xBB\xBFid,name\r\n1,\"a \"\"b\"\", c\"\r\n\r\n2,\"two\nlines\"\n3,");
  EXPECT_EQ(table.header, (std::vector<std::string>{"id", "name"}));
  EXPECT_EQ(table.rows, (Rows{{"1", "a \"b\", c"}, {"2", "two\nlines"}, {"3", ""}}));
  EXPECT_EQ(table.lines, (std::vector<int>{2, 4, 6}));
  EXPECT_EQ(table.column("name"), 1U);
}

TEST(Csv, AFileWithoutALineOfNames) {
  const fs::path file = fresh_folder() / "t.csv";
  write_file(file, "\n1,2\n3,4\n");
  const Table table = read_csv(file, ',', {"a", "b"});
  EXPECT_EQ(table.rows, (Rows{{"1", "2"}, {"3", "4"}}));
  EXPECT_THAT(table.where(1), testing::EndsWith("t.csv:3"));
  EXPECT_ERROR(read_csv(file, ',', {"a"}), "t.csv:2: expected 1 fields as in the header, found 2");
}

TEST(Csv, OtherSeparators) { EXPECT_EQ(parse("a\tb\n1,5\t2\n", '\t').rows, (Rows{{"1,5", "2"}})); }

TEST(Csv, WhatIsWrittenReadsTheSame) {
  const fs::path file = fresh_folder() / "t.csv";
  const Rows rows{{"plain", "with, comma"}, {"\"", "\r\n"}, {"", "ü"}};
  write_csv(file, {"a", "b"}, rows);
  EXPECT_EQ(read_csv(file).rows, rows);
  write_csv(file, {"one"}, {{""}, {"x"}});
  EXPECT_EQ(read_csv(file).rows, (Rows{{""}, {"x"}}));
}

TEST(Csv, ErrorsNameTheLine) {
  EXPECT_ERROR(parse("a,b\n1,2\n1\n"), "t.csv:3: expected 2 fields as in the header, found 1");
  EXPECT_ERROR(parse("a\n\"open\n"), "t.csv:2: a quoted field begins here and never ends");
  EXPECT_ERROR(parse("a,b\n\"x\"y,2\n"), "t.csv:2: expected");
  EXPECT_ERROR(parse("a,b\n1,\xB5\n"), "t.csv:2: expected UTF-8 text, found the byte 0xB5");
  EXPECT_ERROR(parse(""), "expected a table with a header line");
  EXPECT_ERROR(parse("structure,id\n").column("structures"), "did you mean \"structure\"?");
}

}  // namespace
}  // namespace medisyn
