#include <map>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/curate/item.h"
#include "medisyn/io/tar.h"
#include "miniature.h"

namespace medisyn {
namespace {

class ListItems : public testing::Test {
 protected:
  void SetUp() override {
    config_.root = fresh_folder();
    repository_.name = "r";
    repository_.reader = "picture";
    repository_.path = "d";
    folder_ = config_.root / "d";
    fs::create_directories(folder_);
  }

  std::vector<Item> list() {
    filtered_out_ = 0;
    return list_items(config_, repository_, filtered_out_);
  }

  void set_table(const std::string& file, const std::string& text) {
    write_file(folder_ / file, text);
    repository_.table = TableConfig{.file = file, .path = "{image}.jpg", .header = {}, .join = {}};
    repository_.labels.column = "class";
  }

  CurateConfig config_;
  RepositoryConfig repository_;
  fs::path folder_;
  std::int64_t filtered_out_ = 0;
};

TEST_F(ListItems, FilesAreSortedAndTheirNamesUnique) {
  for (const char* name : {"b c.png", "b-c.jpg", "A.png", ".hidden.png", "notes.txt"}) {
    write_file(folder_ / name, "x");
  }
  repository_.pattern = ".*\\.(png|jpg)";
  const auto items = list();
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(items[0].id, "r-a");
  EXPECT_EQ(items[1].id, "r-b-c");
  EXPECT_EQ(items[2].id, "r-b-c-2");
  EXPECT_EQ(items[1].stem, "b c");
}

TEST_F(ListItems, TablesOfEveryFormatGiveTheSameRows) {
  const std::map<std::string, std::string> files{
      {"t.csv", "image,class,other\nx/1,a,\nx/2,\"b, c\",7\n"},
      {"t.tsv", "image\tclass\nx/1\ta\nx/2\tb, c\n"},
      {"t.jsonl", "{\"image\": \"x/1\", \"class\": \"a\"}\n{\"class\": \"b, c\", \"image\": \"x/2\"}\n"},
      {"t.json", "[{\"image\": \"x/1\", \"class\": \"a\"}, {\"image\": \"x/2\", \"class\": \"b, c\"}]"}};
  for (const auto& [file, text] : files) {
    set_table(file, text);
    const auto items = list();
    ASSERT_EQ(items.size(), 2U) << file;
    EXPECT_EQ(items[0].file, folder_ / "x/1.jpg") << file;
    EXPECT_EQ(*items[1].fields.find("class"), "b, c") << file;
    EXPECT_EQ(items[1].fields.find("other"), nullptr) << file;  // nobody asked for it
  }
}

TEST_F(ListItems, HeadersJoinsAndConditions) {
  set_table("t.csv", "1,a\n2,b\n3,a\n");
  repository_.table->header = {"image", "class"};
  write_file(folder_ / "more.tsv", "image\tpatient\n3\tp3\n1\tp1\n");
  repository_.table->join = JoinConfig{.file = "more.tsv", .key = "image", .header = {}};
  repository_.patient.column = "patient";
  repository_.where = {{"class", {"a", "c"}}};
  const auto items = list();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(filtered_out_, 1);
  EXPECT_EQ(*items[0].fields.find("patient"), "p1");
  EXPECT_EQ(*items[1].fields.find("patient"), "p3");
  repository_.where = {{"class", {"z"}}};
  EXPECT_ERROR(list(), "/d is named by the table's rows that stay");
}

TEST_F(ListItems, SlipsAreNamed) {
  set_table("t.csv", "image,clas\n1,a\n");
  EXPECT_ERROR(list(), "t.csv: expected a column \"class\", found none; did you mean \"clas\"");
  set_table("t.json", "{\"image\": 1}");
  EXPECT_ERROR(list(), "t.json: expected a JSON list of objects");
  repository_.table->file = "none.csv";
  EXPECT_ERROR(list(), "none.csv");
}

TEST_F(ListItems, PathsThatLeaveTheFolderAreFaults) {
  set_table("t.csv", "image,class\n../secret,a\n/etc/passwd,a\nx/../../y,a\nfine,a\nx/../fine2,a\n");
  std::map<std::string, bool> is_faulty;
  for (const Item& item : list()) {
    is_faulty[item.below] = !item.fault.empty();
  }
  EXPECT_EQ(is_faulty, (std::map<std::string, bool>{{"../secret.jpg", true},
                                                    {"/etc/passwd.jpg", true},
                                                    {"x/../../y.jpg", true},
                                                    {"fine.jpg", false},
                                                    {"x/../fine2.jpg", false}}));
}

TEST_F(ListItems, SamplesOfATar) {
  TarWriter tar(folder_ / "0.tar");
  tar.add("a/s1.png", encode_png(small_picture(1)));
  tar.add("a/s1.json", "{\"class\": \"mole\", \"age\": 7}");
  tar.add("s2.jpg", encode_jpeg(small_picture(2), 90));
  tar.add("s2.txt", "a caption\n");
  tar.commit();
  repository_.tar = true;
  repository_.pattern = ".*\\.tar";
  const auto items = list();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].below, "0.tar/a/s1.png");
  EXPECT_EQ(*items[0].fields.find("class"), "mole");
  EXPECT_EQ(*items[0].fields.find("age"), "7");
  EXPECT_EQ(*items[1].fields.find("txt"), "a caption");
  EXPECT_EQ(read_file_part(items[0].file, items[0].begin, items[0].size), encode_png(small_picture(1)));
}

}  // namespace
}  // namespace medisyn
