// Tables that were made to do harm, and damaged ones: items below their folder, a reason for each that is
// not, or one Error; and nothing is written but the output folder.
#include <fmt/ranges.h>

#include <cstdio>
#include <functional>
#include <map>
#include <set>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "../mutations.h"
#include "../peak_bytes.h"
#include "medisyn/core/log.h"
#include "medisyn/curate/annotations.h"
#include "medisyn/curate/curate.h"
#include "medisyn/curate/label_map.h"
#include "medisyn/data/manifest.h"
#include "medisyn/io/csv.h"
#include "medisyn/io/tar.h"
#include "miniature.h"

namespace medisyn {
namespace {

using namespace std::string_literals;

constexpr int kMutations = 500;
constexpr std::int64_t kMostBytes = std::int64_t{512} << 20;

/// The same twelve rows in every format that is read.
std::map<std::string, std::string> whole_tables() {
  std::map<std::string, std::string> tables{{"t.csv", "image,class,patient\n"},
                                            {"t.tsv", "image\tclass\tpatient\n"},
                                            {"t.txt", "image class patient\n"},
                                            {"t.jsonl", ""},
                                            {"t.json", ""}};
  for (int i = 0; i < 12; ++i) {
    const std::string image = fmt::format("a/p{}", i), patient = fmt::format("{}", i / 2);
    tables["t.csv"] += fmt::format("\"{}\",\"nevus, \"\"{}\"\"\",{}\n", image, i, patient);
    tables["t.tsv"] += fmt::format("{}\tnevus\t{}\n", image, patient);
    tables["t.txt"] += fmt::format("{} nevus {}\n", image, patient);
    const std::string object =
        fmt::format(R"({{"image": "{}", "class": "nevus", "patient": {}}})", image, patient);
    tables["t.jsonl"] += object + "\n";
    tables["t.json"] += (i == 0 ? "[" : ", ") + object;
  }
  tables["t.json"] += "]";
  return tables;
}

/// What somebody would write into a cell to do harm.
std::string bait(Mutations& mutations) {
  const std::vector<std::string> baits{"../",
                                       "../../etc/passwd",
                                       "/etc/passwd",
                                       "x/../../",
                                       "..\0/"s,
                                       "\0"s,
                                       "\n",
                                       "\"",
                                       "\x1B[2J",
                                       "\\u0000",
                                       "\\u002e\\u002e/",
                                       "\xC0\xAE\xC0\xAE/",
                                       "\xFF",
                                       "{image}",
                                       "..",
                                       ",,,,",
                                       "1e999",
                                       "nan",
                                       "\xEF\xBB\xBF",
                                       std::string(300, 'a'),
                                       std::string(100'000, 'a'),
                                       std::string(100'000, '/'),
                                       std::string(100'000, '['),
                                       std::string(100'000, '"')};
  return baits[mutations.below(baits.size())];
}

std::string mutated(Mutations& mutations, const std::string& bytes, int number) {
  switch (number % 5) {
    case 0:
      return mutations.truncated(bytes);
    case 1:
      return mutations.flipped(bytes, bytes.size());
    case 2:
      return mutations.overwritten(bytes, bytes.size());
    default: {
      std::string made = bytes;
      const std::size_t at = number % 5 == 3 ? mutations.below(bytes.size()) : bytes.find("a/p3");
      return made.insert(at, bait(mutations));
    }
  }
}

/// One line that can be shown and names the table.
void expect_clear(const Error& error, const std::string& name) {
  const std::string text = error.what();
  EXPECT_THAT(text, testing::HasSubstr(name));
  EXPECT_LT(text.size(), 2000U) << text.substr(0, 200);
  for (const unsigned char c : text) {
    ASSERT_TRUE(c >= 0x20 && c != 0x7F) << text.substr(0, 200);
  }
}

/// Every file and its content, but for those of `out`.
std::map<std::string, std::string> surroundings(const fs::path& folder, const fs::path& out) {
  std::map<std::string, std::string> found;
  for (auto entry = fs::recursive_directory_iterator(folder); entry != fs::recursive_directory_iterator();
       ++entry) {
    if (entry->path() == out) {
      entry.disable_recursion_pending();
    } else {
      found[entry->path().string()] = entry->is_regular_file() ? read_file(entry->path()) : "";
    }
  }
  return found;
}

class HostileTables : public testing::Test {
 protected:
  void SetUp() override {
    set_quiet(true);
    folder_ = fresh_folder();
    root_ = folder_ / "data";
    fs::create_directories(root_ / "r/a");
    config_.root = root_;
    config_.size = 16;
    config_.max_bad_fraction = 1.0;
    RepositoryConfig repository;
    repository.name = "r";
    repository.reader = "picture";
    repository.path = "r";
    repository.specialty = "Dermatology";
    repository.image_type = "Dermoscopy";
    repository.caption = "Dermoscopy[ of {labels}]";
    repository.source = "made up";
    repository.licence = "CC0-1.0";
    repository.labels.column = "class";
    repository.patient.column = "patient";
    config_.repositories = {repository};
    out_ = folder_ / "out";
  }

  void set_table(const std::string& file, const std::string& text) {
    write_file(root_ / "r" / file, text, Sync::kNone);
    config_.repositories[0].table =
        TableConfig{.file = file, .path = "{image}.png", .header = {}, .join = {}};
  }

  std::vector<Item> list() const {
    std::int64_t filtered_out = 0;
    return list_items(config_, config_.repositories[0], filtered_out);
  }

  /// True when items came of it, all below their folder or with a fault; else there is one Error.
  bool is_listed() const {
    std::vector<Item> items;
    try {
      items = list();
    } catch (const Error& error) {
      expect_clear(error, "r/");
      return false;
    }
    std::set<std::string> ids;
    for (const Item& item : items) {
      EXPECT_TRUE(ids.insert(item.id).second) << item.id;
      EXPECT_LE(item.id.size(), 200U);
      EXPECT_EQ(item.id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"), std::string::npos);
      const std::string place = fs::path(item.file.c_str()).lexically_normal().string();
      EXPECT_TRUE(!item.fault.empty() || place.starts_with((root_ / "r").string() + "/")) << place;
    }
    return true;
  }

  Json run() {
    RunRecord record("medisyn curate");
    Communicator alone;
    curate(config_, out_, alone, 2, record);
    return record.metrics;
  }

  /// Runs, and nothing but the output folder is touched; "" or the Error.
  std::string run_apart() {
    const auto before = surroundings(folder_, out_);
    std::string fault;
    try {
      run();
    } catch (const Error& error) {
      fault = error.what();
      EXPECT_EQ(fault.find('\n'), std::string::npos) << fault;
    }
    const auto after = surroundings(folder_, out_);
    EXPECT_EQ(before, after);
    return fault;
  }

  /// file -> reason, of the run.
  std::map<std::string, std::string> rejected() const {
    std::map<std::string, std::string> reasons;
    for (const auto& row : read_csv(out_ / "rejected.csv").rows) {
      reasons[row[1]] = row[2];
    }
    return reasons;
  }

  fs::path folder_, root_, out_;
  CurateConfig config_;
};

TEST_F(HostileTables, FiveHundredMutatedTablesOfEachFormat) {
  const std::int64_t before = peak_bytes();
  for (const auto& [file, whole] : whole_tables()) {
    Mutations mutations(31);
    set_table(file, whole);
    ASSERT_TRUE(is_listed()) << file;
    int listed = 0;
    for (int i = 0; i < kMutations; ++i) {
      SCOPED_TRACE(fmt::format("{}, mutation {}", file, i));
      set_table(file, mutated(mutations, whole, i));
      listed += is_listed() ? 1 : 0;
    }
    std::printf("%d mutated %s: %d listed, %d refused\n", kMutations, file.c_str(), listed,
                kMutations - listed);
    EXPECT_GT(listed, 20) << file;
    EXPECT_GT(kMutations - listed, 20) << file;
  }
  EXPECT_LT(peak_bytes() - before, kMostBytes);
}

TEST_F(HostileTables, MutatedTablesTouchNothingButTheOutputFolder) {
  for (int i = 0; i < 12; ++i) {
    write_file(root_ / fmt::format("r/a/p{}.png", i), encode_png(small_picture(i + 1)));
  }
  write_file(folder_ / "secret.png", encode_png(small_picture(77)));
  int made = 0, refused = 0;
  for (const auto& [file, whole] : whole_tables()) {
    Mutations mutations(32);
    for (int i = 0; i < 20; ++i) {
      SCOPED_TRACE(fmt::format("{}, mutation {}", file, i));
      set_table(file, mutated(mutations, whole, i));
      run_apart().empty() ? ++made : ++refused;
    }
  }
  std::printf("100 runs over mutated tables: %d made a data set, %d ended in an error\n", made, refused);
  EXPECT_GT(made, 10);
  EXPECT_GT(refused, 10);
}

TEST_F(HostileTables, PathsThatLeaveTheFolderAreRejectedWithTheirReason) {
  const Image secret = small_picture(77);
  write_file(root_ / "r/a/fine.png", encode_png(small_picture(1)));
  write_file(root_ / "r/a/fine2.png", encode_png(small_picture(2)));
  write_file(folder_ / "secret.png", encode_png(secret));
  const std::string outside = (folder_ / "secret").string(),
                    leaves = "the path leaves its repository's folder";
  const std::map<std::string, std::string> faults{{"../../secret", leaves},
                                                  {outside, leaves},
                                                  {"a/../../../secret", leaves},
                                                  {"/etc/passwd", leaves},
                                                  {"none", "none.png: cannot be read"},
                                                  {"a/x\ny", "control characters"},
                                                  {"a/\x1B[2J", "control characters"},
                                                  {std::string(300, 'n'), "File name too long"},
                                                  {"a/" + std::string(5000, 'n'), "longer than 1024 bytes"},
                                                  {"a/fine.png/x", "cannot be read"},
                                                  {"", "{image} is empty here"}};
  std::vector<std::vector<std::string>> rows{{"a/fine", "nevus", "1"}, {"a/../a/fine2", "nevus", "2"}};
  for (const auto& [path, reason] : faults) {
    rows.push_back({path, "nevus", "3"});
  }
  write_csv(root_ / "r/t.csv", {"image", "class", "patient"}, rows);
  set_table("t.csv", read_file(root_ / "r/t.csv"));
  EXPECT_EQ(run_apart(), "");
  const auto found = rejected();
  EXPECT_EQ(found.size(), faults.size());
  for (const auto& [path, reason] : faults) {
    const bool is_there =
        std::any_of(found.begin(), found.end(), [&, &reason = reason](const auto& rejection) {
          return rejection.second.find(reason) != std::string::npos;
        });
    EXPECT_TRUE(is_there) << path.substr(0, 40) << ": " << reason << " in " << fmt::format("{}", found);
  }
  const Manifest manifest = read_manifest(out_);
  EXPECT_EQ(manifest.records.size(), 2U);
  for (const Record& record : manifest.records) {
    EXPECT_NE(read_image(image_path(manifest, record)), secret);
  }
}

TEST_F(HostileTables, TarsThatLeaveTheirFolder) {
  config_.repositories[0].tar = true;
  config_.repositories[0].pattern = ".*\\.tar";
  config_.repositories[0].patient = {};
  config_.repositories[0].words["name"].regex = "^(.)(.|x)*png$";  // goes deeper for each byte
  TarWriter good(root_ / "r/good.tar");
  good.add("a.png", encode_png(small_picture(1)));
  good.add("a.json", R"({"class": "nevus", "../../x": "../../x"})");
  good.add("deep.png", encode_png(small_picture(2)));
  good.add("deep.json", std::string(100'000, '['));
  good.add("latin.png", encode_png(small_picture(3)));
  good.add("latin.txt", "na\xEFve");
  good.add("empty.png", "");
  good.add(std::string(5000, 'n') + ".png", encode_png(small_picture(4)));
  good.add(std::string(1000, 'n') + ".png", encode_png(small_picture(5)));
  good.commit();
  EXPECT_EQ(run_apart(), "");
  const auto found = rejected();
  EXPECT_EQ(found.size(), 4U);
  EXPECT_THAT(found.at("good.tar/deep.png"), testing::HasSubstr("nested deeper than 64 levels"));
  EXPECT_THAT(found.at("good.tar/latin.png"), testing::HasSubstr("latin.txt:1: expected UTF-8 text"));
  EXPECT_THAT(found.at("good.tar/empty.png"), testing::HasSubstr("an empty file"));
  const auto records = read_manifest(out_).records;
  EXPECT_EQ(records.size(), 2U);
  EXPECT_EQ(records.back().id.size(), 180U);  // the name of a file has 255 bytes at most
  std::string bytes = read_file(root_ / "r/good.tar");
  bytes.replace(0, 5, "../ab");  // its checksum is wrong now, as well
  write_file(root_ / "r/bad.tar", bytes);
  EXPECT_THAT(run_apart(), testing::HasSubstr("bad.tar"));
}

TEST_F(HostileTables, TablesThatAskForFarMoreThanTheyHold) {
  const std::int64_t before = peak_bytes();
  std::string keys, deep = "[" + std::string(200'000, '[');
  for (int i = 0; i < 20'000; ++i) {
    keys += fmt::format("{{\"{}\": 1}}\n", i);
  }
  set_table("t.jsonl", keys);
  EXPECT_ERROR(list(), "t.jsonl: expected objects with the same keys");
  set_table("t.json", deep + std::string(200'001, ']'));
  EXPECT_ERROR(list(), "t.json: JSON is nested deeper than 64 levels");
  set_table("t.json", R"([{"image": "a"}, 7])");
  EXPECT_ERROR(list(), "t.json:2: expected an object with one key a column, found number");
  std::string same = "image,class,patient\n";
  for (int i = 0; i < 30'000; ++i) {
    same += "a/p,x,1\n";  // the same name again and again
  }
  set_table("t.csv", same);
  EXPECT_EQ(list().back().id, "r-a-p-30000");
  EXPECT_LT(peak_bytes() - before, kMostBytes);
}

TEST_F(HostileTables, AJoinedTableAddsNoMoreThanIsAskedFor) {
  const std::int64_t before = peak_bytes();
  std::string own = "image,class\n", header = "image,patient", row = "a/p,1";
  for (int i = 0; i < 20'000; ++i) {
    own += "a/p,x\n";
    header += fmt::format(",c{}", i);
    row += ",";
  }
  set_table("t.csv", own);
  write_file(root_ / "r/more.csv", header + "\n" + row + "\n");
  config_.repositories[0].table->join = JoinConfig{.file = "more.csv", .key = "image", .header = {}};
  const auto items = list();
  EXPECT_EQ(items.size(), 20'000U);
  EXPECT_EQ(*items.back().fields.find("patient"), "1");
  EXPECT_LT(peak_bytes() - before, kMostBytes);
}

TEST_F(HostileTables, NamesOfStructuresThatAreTooLongToMatch) {
  const fs::path file = root_ / "l.nrrd";
  write_file(file, "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 1 1 1\nencoding: raw\n\n1");
  LabelVolumeConfig config;
  config.path = "l.nrrd";
  config.table = "names.csv";
  config.groups = {{.name = "all", .match = "(.|x)*"}};
  write_file(root_ / "names.csv", "id,name\n1," + std::string(1'000'000, 'n') + "\n");
  EXPECT_ERROR(LabelMap(config, root_, read_nrrd(file)), "expected a name of at most 1000 bytes");
  write_file(root_ / "names.csv", "id,name\n1," + std::string(1000, 'n') + "\n");
  EXPECT_NO_THROW(LabelMap(config, root_, read_nrrd(file)));
}

TEST(HostileAnnotations, FiveHundredMutatedTables) {
  const fs::path file = fresh_folder() / "t.csv";
  AnnotationsConfig config;
  config.at = "at";
  config.end = "to";
  std::string whole = "at,to,label\n";
  for (int i = 0; i < 12; ++i) {
    whole += fmt::format("{},{}.5,a/p{}\n", 10 * i, 10 * i + 5, i);
  }
  Mutations mutations(33);
  int read = 0;
  for (int i = 0; i < kMutations; ++i) {
    SCOPED_TRACE(i);
    write_file(file, mutated(mutations, whole, i), Sync::kNone);
    try {
      const Annotations annotations(config, file);
      for (int second = -5; second < 130; second += 5) {
        annotations.at(second);
      }
      ++read;
    } catch (const Error& error) {
      expect_clear(error, "t.csv");
    }
  }
  EXPECT_GT(read, 20);
  EXPECT_LT(read, kMutations - 20);
  for (const char* time : {"nan", "inf", "-inf", "1e999", "", "0x10", " 1"}) {
    write_file(file, fmt::format("at,to,label\n{},9,a\n", time));
    EXPECT_ERROR(Annotations(config, file), "t.csv:2: expected a time in seconds");
  }
}

}  // namespace
}  // namespace medisyn
