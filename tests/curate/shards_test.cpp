// The data set as tar shards: the same images as in files, the same bytes whatever the way to them.
#include <fstream>
#include <map>

#include "../expect_error.h"
#include "curate_fixture.h"
#include "medisyn/core/files.h"
#include "medisyn/io/tar.h"

namespace medisyn {
namespace {

using Files = std::map<std::string, std::string>;

class CurateShards : public Curate {
 protected:
  Json run_shards(const std::string& out) { return run(out, {"shards.images=5"}); }

  /// Path below `out` -> bytes, of the manifest and the images.
  Files data_set(const std::string& out) const {
    Files files{{"metadata.jsonl", read_file(folder_ / out / "metadata.jsonl")}};
    for (const char* folder : {"shards", "images"}) {
      for (const fs::path& file : files_below(folder_ / out / folder)) {
        files[file.lexically_relative(folder_ / out).string()] = read_file(file);
      }
    }
    return files;
  }

  static std::vector<fs::path> files_below(const fs::path& folder) {
    std::vector<fs::path> files;
    if (fs::exists(folder)) {
      for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) {
          files.push_back(entry.path());
        }
      }
    }
    return files;
  }

  /// A picture that cannot be decoded any more, but looks untouched.
  void spoil(const fs::path& picture) const {
    const auto time = fs::last_write_time(picture);
    const std::string bytes(fs::file_size(picture), 'x');
    std::ofstream(picture, std::ios::binary) << bytes;
    fs::last_write_time(picture, time);
  }

  void spoil_all() const {
    for (const fs::path& picture : files_below(folder_ / "data/skin")) {
      spoil(picture);
    }
  }

  /// A new picture, a changed one, one less.
  void change_data() const {
    write_file(folder_ / "data/skin/patch4.png", encode_png(small_picture(40)));
    write_file(folder_ / "data/skin/patch30.png", encode_png(small_picture(31)));
    fs::remove(folder_ / "data/skin/patch5.png");
  }
};

TEST_F(CurateShards, HoldWhatTheFilesHold) {
  run("files");
  EXPECT_EQ(run_shards("out")["images"], 32);
  const Manifest files = read_manifest(folder_ / "files"), shards = read_manifest(folder_ / "out");
  ASSERT_EQ(files.records.size(), shards.records.size());
  Files expected, found;
  for (std::size_t i = 0; i < files.records.size(); ++i) {
    Record row = shards.records[i];
    const ImageSource source = image_source(shards, row);
    EXPECT_EQ(source.file, folder_ / "out" / row.shard.file);
    EXPECT_EQ(read_bytes(source), read_file(image_path(files, files.records[i])));
    EXPECT_EQ(row.shard.file.find("shards/" + row.split + "-0000"), 0U);
    const std::string shard = row.shard.file + ":", name = image_path(files, row).stem().string();
    row.shard = {};
    EXPECT_EQ(to_json(row), to_json(files.records[i]));
    expected[shard + name + ".png"] = read_bytes(source);
    expected[shard + name + ".json"] = to_json(row).dump();
    expected[shard + name + ".txt"] = row.text;
  }
  for (const fs::path& file : files_below(folder_ / "out/shards")) {
    const TarIndex index(file);
    EXPECT_LE(index.entries().size(), 15U);
    for (const TarEntry& entry : index.entries()) {
      found["shards/" + file.filename().string() + ":" + entry.name] = index.read(entry);
    }
  }
  EXPECT_EQ(found, expected);
  EXPECT_EQ(files_below(folder_ / "out/shards").size(), 5U + 3U);  // of 21 and 11 images
  EXPECT_FALSE(fs::exists(folder_ / "out/images"));
  EXPECT_FALSE(fs::exists(folder_ / "out/.curate/spool"));
  // The page shows the same pictures.
  EXPECT_EQ(read_file(folder_ / "out/audit.html"), read_file(folder_ / "files/audit.html"));
}

TEST_F(CurateShards, AnotherRunGivesTheSameBytesAndASecondOneTouchesNone) {
  run_shards("a");
  run_shards("b");
  const Files first = data_set("a");
  EXPECT_EQ(data_set("b"), first);
  const fs::path shard = folder_ / "a/shards/train-00000.tar";
  const auto written = fs::last_write_time(shard);
  spoil_all();
  run_shards("a");
  EXPECT_EQ(data_set("a"), first);
  EXPECT_EQ(fs::last_write_time(shard), written);
}

TEST_F(CurateShards, AnAddedRepositoryGoesBehindTheOthers) {
  const std::string yaml = read_file(config_file_);
  write_file(config_file_, yaml.substr(0, yaml.find("  - name: head")));
  run_shards("out");
  write_file(config_file_, yaml);
  run_shards("fresh");
  std::map<std::string, fs::file_time_type> times;
  for (const fs::path& file : files_below(folder_ / "out/shards")) {
    times[file.filename().string()] = fs::last_write_time(file);
  }
  EXPECT_EQ(times.size(), 4U + 2U);
  spoil_all();
  run_shards("out");
  EXPECT_EQ(data_set("out"), data_set("fresh"));
  for (const char* kept : {"train-00000.tar", "train-00001.tar", "train-00002.tar", "test-00000.tar"}) {
    EXPECT_EQ(fs::last_write_time(folder_ / "out/shards" / kept), times.at(kept)) << kept;
  }
  EXPECT_NE(fs::last_write_time(folder_ / "out/shards/train-00003.tar"), times.at("train-00003.tar"));
}

TEST_F(CurateShards, ChangesComeToTheSameAsAFreshRun) {
  run_shards("out");
  change_data();
  run_shards("fresh");
  for (const int untouched : {0, 3, 6, 12, 29}) {
    spoil(folder_ / fmt::format("data/skin/patch{}.png", untouched));
  }
  EXPECT_EQ(run_shards("out")["images"], 32);
  EXPECT_EQ(data_set("out"), data_set("fresh"));
  // Other sizes are made of the old ones.
  run("fresh", {"shards.images=3"});
  run("out", {"shards.images=3"});
  EXPECT_EQ(data_set("out"), data_set("fresh"));
  run("out", {"shards.images=100"});
  EXPECT_EQ(files_below(folder_ / "out/shards").size(), 2U);
}

TEST_F(CurateShards, ACopyTakesThePlaceOfItsOriginalWhenThatGoes) {
  run_shards("out");
  EXPECT_TRUE(fs::exists(folder_ / "out/.curate/aside/00000.tar"));
  fs::remove(folder_ / "data/skin/patch6.png");
  spoil(folder_ / "data/skin/patch7.png");
  run_shards("out");
  EXPECT_FALSE(fs::exists(folder_ / "out/.curate/aside/00000.tar"));
  const Manifest manifest = read_manifest(folder_ / "out");
  const auto copy = std::find_if(manifest.records.begin(), manifest.records.end(),
                                 [](const Record& record) { return record.id == "skin-patch7"; });
  ASSERT_NE(copy, manifest.records.end());
  EXPECT_EQ(read_image(image_source(manifest, *copy)), small_picture(7));
}

TEST_F(CurateShards, GoOnAndOffBetweenRuns) {
  run("files");
  run_shards("shards");
  const Files files = data_set("files"), shards = data_set("shards");
  run("out");
  spoil_all();
  run_shards("out");
  EXPECT_EQ(data_set("out"), shards);
  EXPECT_EQ(files_below(folder_ / "out/.curate/aside").size(), 1U);
  run("out");
  EXPECT_EQ(data_set("out"), files);
  EXPECT_FALSE(fs::exists(folder_ / "out/shards"));
  EXPECT_TRUE(fs::exists(folder_ / "out/.curate/aside/skin-patch7.png"));
  EXPECT_FALSE(fs::exists(folder_ / "out/.curate/aside/00000.tar"));
  run("out");
  EXPECT_EQ(data_set("out"), files);
}

TEST_F(CurateShards, ARunThatStopsHalfWayGoesOnFromItsSpool) {
  EXPECT_ERROR(run("out", {"shards.images=5", "max_bad_fraction=0.03"}), "1 of 30 files cannot be read");
  EXPECT_EQ(files_below(folder_ / "out/.curate/spool").size(), 1U);
  EXPECT_FALSE(fs::exists(folder_ / "out/images"));
  run_shards("fresh");
  for (const int made : {0, 3, 29}) {
    spoil(folder_ / fmt::format("data/skin/patch{}.png", made));
  }
  fs::copy(folder_ / "out", folder_ / "to-files", fs::copy_options::recursive);
  run_shards("out");
  EXPECT_EQ(data_set("out"), data_set("fresh"));
  run("to-files");
  run("out");
  EXPECT_EQ(data_set("to-files"), data_set("out"));
  EXPECT_FALSE(fs::exists(folder_ / "to-files/.curate/spool"));
}

/// What a kill leaves while new shards are put in the places of old ones.
TEST_F(CurateShards, AKillBetweenTwoRenamesIsMadeGood) {
  run_shards("before");
  fs::copy(folder_ / "before", folder_ / "after", fs::copy_options::recursive);
  change_data();
  run_shards("after");
  const Files expected = data_set("after");
  spoil_all();
  std::vector<fs::path> moved;  // shards, digests and journal
  for (const fs::path& file : files_below(folder_ / "after")) {
    const std::string below = file.lexically_relative(folder_ / "after").string();
    if (below.starts_with("shards/") || below.starts_with(".curate/")) {
      moved.push_back(below);
    }
  }
  ASSERT_GE(moved.size(), 10U);
  for (std::size_t already = 0; already <= moved.size(); ++already) {
    const fs::path torn = folder_ / "torn";
    fs::remove_all(torn);
    fs::copy(folder_ / "before", torn, fs::copy_options::recursive);
    fs::rename(torn / "metadata.jsonl", torn / ".curate/earlier.jsonl");
    write_file(torn / ".curate/items-0.jsonl", "");
    fs::create_directories(torn / ".curate/commit");
    for (std::size_t i = 0; i < moved.size(); ++i) {
      const fs::path target = (i < already ? torn : torn / ".curate/commit") / moved[i];
      fs::create_directories(target.parent_path());
      fs::copy_file(folder_ / "after" / moved[i], target, fs::copy_options::overwrite_existing);
    }
    run_shards("torn");
    EXPECT_EQ(data_set("torn"), expected) << already;
    EXPECT_FALSE(fs::exists(torn / ".curate/commit"));
    EXPECT_FALSE(fs::exists(torn / ".curate/earlier.jsonl"));
  }
}

TEST_F(CurateShards, AKillWhileTheyAreWrittenLeavesTheOldOnes) {
  run_shards("out");
  const Files before = data_set("out");
  spoil_all();
  for (const char* name : {"shards/train-00000.tar", "shards/train-00001.tar.tmp77", ".curate/shards.json"}) {
    const fs::path file = folder_ / "out/.curate/commit.part" / name;
    fs::create_directories(file.parent_path());
    write_file(file, "torn");
  }
  run_shards("out");
  EXPECT_EQ(data_set("out"), before);
  EXPECT_FALSE(fs::exists(folder_ / "out/.curate/commit.part"));
}

TEST_F(CurateShards, LostAndDamagedShards) {
  run_shards("out");
  const Files before = data_set("out");
  const fs::path shard = folder_ / "out/shards/train-00000.tar";
  fs::remove(shard);
  fs::resize_file(folder_ / "out/shards/test-00001.tar", 1000);
  fs::remove(folder_ / "out/.curate/shards.json");
  run_shards("out");
  EXPECT_EQ(data_set("out"), before);
  const Record first = read_manifest(folder_ / "out").records[0];
  std::string bytes = read_file(shard);
  bytes[first.shard.begin + first.shard.bytes / 2] ^= 1;
  write_file(shard, bytes);
  EXPECT_ERROR(run("out", {"shards.images=4"}), "train-00000.tar and run the command again");
  fs::remove(shard);
  run("out", {"shards.images=4"});
  run("fresh", {"shards.images=4"});
  EXPECT_EQ(data_set("out"), data_set("fresh"));
}

TEST_F(CurateShards, TwoImagesOfOneNameAreRefused) {
  for (const char* file : {"data/a/b-c.png", "data/a-b/c.png"}) {
    fs::create_directories((folder_ / file).parent_path());
    write_file(folder_ / file, encode_png(small_picture(file[6] == '/' ? 3 : 4)));
  }
  std::string yaml = fmt::format("root: {}\nsize: 16\nrepositories:\n", (folder_ / "data").string());
  for (const char* name : {"a", "a-b"}) {
    yaml += fmt::format(
        "  - {{name: {0}, reader: picture, path: {0}, specialty: S, image_type: T, caption: C, source: s, "
        "licence: L, patient: {{fixed: p}}}}\n",
        name);
  }
  write_file(config_file_, yaml);
  EXPECT_ERROR(run_shards("out"), "repositories a and a-b both give an image a-b-c.png");
}

}  // namespace
}  // namespace medisyn
