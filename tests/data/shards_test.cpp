#include "medisyn/data/shards.h"

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

using Members = std::vector<std::pair<std::string, std::string>>;

void write_tar(const fs::path& file, const Members& members) {
  TarWriter tar(file);
  for (const auto& [name, bytes] : members) {
    tar.add(name, bytes);
  }
  tar.commit();
}

Record made_record() {
  Record record;
  record.file_name = "images/skin/one.png";
  record.id = "one";
  record.text = "A picture";
  record.patient_id = "p1";
  record.split = "train";
  return record;
}

TEST(Shards, ASampleReadsBack) {
  const fs::path folder = fresh_folder();
  const Record record = made_record();
  std::uint64_t begin = 0;
  {
    TarWriter tar(folder / shard_name("train-", 3));
    begin = add_sample(tar, "one.png", "pixels", to_json(record).dump(), record.text);
    tar.commit();
  }
  const TarIndex index(folder / "train-00003.tar");
  ASSERT_EQ(index.entries().size(), 3U);
  EXPECT_EQ(index.entries()[0], (TarEntry{"one.png", begin, 6}));
  EXPECT_EQ(index.read(index.entries()[1]), to_json(record).dump());
  EXPECT_EQ(index.entries()[2].name, "one.txt");
  for (const fs::path& path : {folder, folder / "train-00003.tar"}) {
    const Manifest manifest = read_manifest(path);
    ASSERT_EQ(manifest.records.size(), 1U);
    const Record& read = manifest.records[0];
    EXPECT_EQ(read.file_name, "train-00003.tar/one.png");
    EXPECT_EQ(read.patient_id, "p1");
    EXPECT_EQ(read.id, "one");
    EXPECT_EQ(read.text, "A picture");
    EXPECT_EQ(read_bytes(image_source(manifest, read)), "pixels");
  }
}

TEST(Shards, ForeignTarFilesAreListed) {
  const fs::path folder = fresh_folder();
  fs::create_directories(folder / "sub");
  write_tar(folder / "sub/b.tar", {{"2.seg.png", "two"}, {"2.txt", "Second\n"}, {"2.json", R"({"id": 7})"}});
  write_tar(folder / "a.tar", {{"x/1.jpg", "one"},
                               {"x/1.json", R"({"caption": "First", "url": "u", "labels": [3]})"},
                               {"x/1.cls", "0"},
                               {"3.png", ""}});
  fs::create_directories(folder / ".hidden");
  write_file(folder / ".hidden/c.png", "x");
  const Manifest manifest = read_manifest(folder);
  ASSERT_EQ(manifest.records.size(), 2U);
  EXPECT_EQ(manifest.records[0].file_name, "a.tar/x/1.jpg");
  EXPECT_EQ(manifest.records[0].id, "a.tar/x/1.jpg");
  EXPECT_EQ(manifest.records[0].text, "First");
  EXPECT_EQ(manifest.records[1].file_name, "sub/b.tar/2.seg.png");
  EXPECT_EQ(manifest.records[1].text, "Second");
  EXPECT_EQ(read_bytes(image_source(manifest, manifest.records[0])), "one");
  EXPECT_EQ(read_bytes(image_source(manifest, manifest.records[1])), "two");
  write_file(folder / "d.png", "x");  // pictures beside shards: those of the shards, most likely
  EXPECT_EQ(read_manifest(folder).records.size(), 1U);
}

TEST(Shards, FaultsOfForeignTarFilesAreNamed) {
  const fs::path folder = fresh_folder(), tar = folder / "a.tar";
  const auto with = [&](const Members& members) {
    write_tar(tar, members);
    return tar;
  };
  EXPECT_ERROR(read_manifest(with({{"1.txt", "x"}})), "a.tar: expected a tar file with images in it");
  EXPECT_ERROR(read_manifest(with({{"1.png", "x"}, {"1.json", "[]"}})), "1.json: expected a JSON object");
  EXPECT_ERROR(read_manifest(with({{"1.png", "x"}, {"1.json", "{"}})), "a.tar/1.json");
  EXPECT_ERROR(read_manifest(with({{"1.png", "x"}, {"1.json", R"({"file_name": "a", "id": 3})"}})),
               "a.tar/1.json: id: expected a string, found 3");
  EXPECT_ERROR(read_manifest(with({{"1.png", "x"}, {"1.txt", "\xFF"}})), "a.tar/1.txt");
  EXPECT_ERROR(read_manifest(with({{"1.png", "x"}, {"1.txt", std::string(1 << 21, 'x')}})),
               "1.txt: expected at most 1048576 bytes of text, found 2097152");
  EXPECT_ERROR(read_manifest(with({{"../1.png", "x"}})), "stays inside the archive");
  write_file(tar, "no tar");
  EXPECT_ERROR(read_manifest(tar), "a.tar");
}

TEST(Shards, PlacesInAManifestAreRoundTripped) {
  const fs::path folder = fresh_folder();
  fs::create_directories(folder / "data/shards");
  fs::create_directories(folder / "run");
  Record record = made_record();
  {
    TarWriter tar(folder / "data/shards/train-00000.tar");
    record.shard = {.file = "shards/train-00000.tar", .begin = tar.add("one.png", "pixels"), .bytes = 6};
    tar.commit();
  }
  write_manifest(folder / "data", {folder / "data", {record}});
  const Manifest manifest = read_manifest(folder / "data");
  EXPECT_EQ(to_json(manifest.records[0]), to_json(record));
  EXPECT_EQ(read_bytes(image_source(manifest, manifest.records[0])), "pixels");
  // A drawn list elsewhere still finds them.
  write_manifest_file(folder / "run/sample.jsonl", manifest);
  const Manifest drawn = read_manifest(folder / "run/sample.jsonl");
  EXPECT_EQ(drawn.records[0].shard.file, "../data/shards/train-00000.tar");
  EXPECT_EQ(read_bytes(image_source(drawn, drawn.records[0])), "pixels");
}

TEST(Shards, HostilePlacesAreRefused) {
  const fs::path folder = fresh_folder();
  write_file(folder / "s.tar", std::string(1000, 'x'));
  const auto read = [&](const std::string& keys) {
    write_file(folder / "metadata.jsonl", R"({"file_name": "images/a.png", )" + keys + "}\n");
    const Manifest manifest = read_manifest(folder);
    return read_bytes(image_source(manifest, manifest.records[0]));
  };
  EXPECT_EQ(read(R"("shard": "s.tar", "shard_begin": 990, "shard_bytes": 10)"), std::string(10, 'x'));
  for (const char* numbers :
       {R"("shard_begin": 990, "shard_bytes": 11)", R"("shard_begin": 1001, "shard_bytes": 1)",
        R"("shard_begin": 18446744073709551615, "shard_bytes": 2)",
        R"("shard_begin": 1, "shard_bytes": 18446744073709551615)"}) {
    EXPECT_ERROR(read(std::string(R"("shard": "s.tar", )") + numbers), "s.tar/a.png: expected ");
  }
  for (const char* keys :
       {R"("shard": "s.tar", "shard_begin": -1, "shard_bytes": 1)",
        R"("shard": "s.tar", "shard_begin": 1.5, "shard_bytes": 1)",
        R"("shard": "s.tar", "shard_begin": "1", "shard_bytes": 1)",
        R"("shard": "s.tar", "shard_begin": 0, "shard_bytes": 0)",
        R"("shard": "s.tar", "shard_begin": 0, "shard_bytes": 18446744073709551616)",
        R"("shard": "s.tar", "shard_begin": 0)", R"("shard": "", "shard_begin": 0, "shard_bytes": 1)",
        R"("shard": 3, "shard_begin": 0, "shard_bytes": 1)", R"("shard_bytes": 1)"}) {
    EXPECT_ERROR(read(keys), "metadata.jsonl:1: shard");
  }
  EXPECT_ERROR(read(R"("shard": "none.tar", "shard_begin": 0, "shard_bytes": 1)"),
               "none.tar: cannot be read");
  EXPECT_ERROR(read(R"("shard": ".", "shard_begin": 0, "shard_bytes": 1)"), "expected a regular file");
}

}  // namespace
}  // namespace medisyn
