#include "medisyn/curate/journal.h"

#include <cmath>
#include <fstream>
#include <limits>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "miniature.h"

namespace medisyn {
namespace {

ItemResult result(const std::string& key, int images) {
  ItemResult made{.key = key, .item = "a/b.png", .images = {}, .skipped = {{"blank", 2}}, .rejected = ""};
  for (int i = 0; i < images; ++i) {
    Record record;
    record.file_name = fmt::format("images/{}-{}.png", key, i);
    record.id = fmt::format("{}-{}", key, i);
    record.text = "µ \"quoted\"";
    record.labels = {"x"};
    made.images.push_back({.record = record,
                           .pixels = "00ff",
                           .hash = perceptual_hash(small_picture(i + 1)),
                           .seconds = i == 0 ? std::numeric_limits<double>::quiet_NaN() : 1.5,
                           .bytes = 77});
  }
  return made;
}

TEST(Journal, KeepsWhatIsAdded) {
  const fs::path folder = fresh_folder() / "j";
  {
    Journal journal(folder, 0);
    journal.add(result("k1", 2));
    ItemResult bad = result("k2", 0);
    bad.rejected = "corrupt";
    journal.add(bad);
    EXPECT_FALSE(journal.contains("k1"));  // before it is read again
  }
  const Journal journal(folder, 0);
  ASSERT_TRUE(journal.contains("k1"));
  EXPECT_FALSE(journal.is_rejected("k1"));
  EXPECT_TRUE(journal.is_rejected("k2"));
  EXPECT_EQ(journal.read("k2").rejected, "corrupt");
  const ItemResult read = journal.read("k1");
  const ItemResult made = result("k1", 2);
  ASSERT_EQ(read.images.size(), 2U);
  EXPECT_EQ(read.item, made.item);
  EXPECT_EQ(read.skipped, made.skipped);
  EXPECT_EQ(to_json(read.images[1].record), to_json(made.images[1].record));
  EXPECT_EQ(read.images[1].hash, made.images[1].hash);
  EXPECT_TRUE(std::isnan(read.images[0].seconds));
  EXPECT_EQ(read.images[1].seconds, 1.5);
  EXPECT_EQ(read.images[1].bytes, 77U);
}

TEST(Journal, EveryTornLastLineIsPassedOverAndCutOff) {
  const fs::path folder = fresh_folder() / "j", file = folder / "items-0.jsonl";
  Journal(folder, 0).add(result("k1", 1));
  const std::string first = read_file(file);
  Journal(folder, 0).add(result("k2", 1));
  const std::string both = read_file(file);
  for (std::size_t size = first.size(); size < both.size(); ++size) {
    write_file(file, both.substr(0, size));
    Journal journal(folder, 0);
    EXPECT_TRUE(journal.contains("k1"));
    EXPECT_FALSE(journal.contains("k2")) << size;
    EXPECT_EQ(read_file(file), first);
    if (size % 97 == 0) {
      journal.add(result("k3", 1));
      journal.reread();
      EXPECT_EQ(journal.read("k3").images.size(), 1U);
    }
  }
}

TEST(Journal, RanksWriteTheirOwnFilesAndOneIsMadeOfThem) {
  const fs::path folder = fresh_folder() / "j";
  Journal first(folder, 0), second(folder, 1);
  first.add(result("k1", 1));
  second.add(result("k2", 1));
  second.add(result("gone", 1));
  first.reread();
  ASSERT_TRUE(first.contains("k2"));
  first.keep({"k2", "k1"});
  EXPECT_FALSE(fs::exists(folder / "items-1.jsonl"));
  EXPECT_FALSE(first.contains("gone"));
  const Journal again(folder, 1);
  EXPECT_TRUE(again.contains("k1"));
  EXPECT_EQ(again.read("k2").images[0].record.id, "k2-0");
}

TEST(Journal, DamageIsNamed) {
  const fs::path folder = fresh_folder() / "j", file = folder / "items-0.jsonl";
  Journal(folder, 0).add(result("k1", 1));
  std::string text = read_file(file);
  text[text.find("pixels")] = 'X';
  write_file(file, text);
  EXPECT_ERROR(Journal(folder, 0).read("k1"), "items-0.jsonl: the line of k1 is damaged: remove that file");
}

}  // namespace
}  // namespace medisyn
