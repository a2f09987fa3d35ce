// Tar files: what is written is read back by the system's tar, what that writes is read here.
#include "medisyn/io/tar.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

std::string listing(const fs::path& folder, const std::string& arguments) {
  const std::string command =
      fmt::format("cd '{}' && LC_ALL=C TZ=UTC tar {} > listing 2>&1", folder.string(), arguments);
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  return read_file(folder / "listing");
}

TEST(Tar, HoldsWhatWasAddedInOrder) {
  const fs::path folder = fresh_folder();
  const std::string long_name = std::string(180, 'x') + ".txt", bytes("a\0b", 3);
  TarWriter tar(folder / "t.tar");
  tar.add("00000.png", bytes);
  tar.add("00000.json", "{\"text\": \"é\"}");
  tar.add(long_name, "");
  EXPECT_FALSE(fs::exists(folder / "t.tar")) << "not before commit()";
  tar.commit();
  EXPECT_EQ(listing(folder, "tf t.tar"), "00000.png\n00000.json\n" + long_name + "\n");
  EXPECT_EQ(listing(folder, "xOf t.tar 00000.png"), bytes);
  EXPECT_EQ(listing(folder, "xOf t.tar 00000.json"), "{\"text\": \"é\"}");
}

TEST(Tar, SameEntriesGiveTheSameBytesAndNothingOfThisMachine) {
  const fs::path folder = fresh_folder();
  for (const char* name : {"a.tar", "b.tar"}) {
    TarWriter tar(folder / name);
    tar.add("x.png", "1234");
    tar.commit();
  }
  EXPECT_EQ(read_file(folder / "a.tar"), read_file(folder / "b.tar"));
  const std::string line = listing(folder, "tvf a.tar");
  EXPECT_NE(line.find("1970-01-01"), std::string::npos) << line;
  EXPECT_NE(line.find("0/0"), std::string::npos) << line;
}

TEST(Tar, LeavesNothingBehindWithoutCommit) {
  const fs::path folder = fresh_folder();
  {
    TarWriter tar(folder / "t.tar");
    tar.add("x", "1");
  }
  EXPECT_TRUE(fs::is_empty(folder));
  EXPECT_ERROR(TarWriter(folder / "none/t.tar"), "none/t.tar");
}

TEST(TarIndex, FindsWhatTheWriterWroteWhereItSaid) {
  const fs::path path = fresh_folder() / "t.tar";
  std::vector<TarEntry> added;
  TarWriter tar(path);
  const std::vector<std::pair<std::string, std::string>> files{{"00000.png", std::string("a\0b", 3)},
                                                               {"00000.txt", ""},
                                                               {"é/" + std::string(180, 'x') + ".json", "{}"},
                                                               {"00001.png", std::string(70000, 'z')}};
  for (const auto& [name, bytes] : files) {
    added.push_back({name, tar.add(name, bytes), bytes.size()});
  }
  tar.commit();
  const TarIndex index(path);
  EXPECT_EQ(index.path(), path);
  ASSERT_EQ(index.entries(), added);
  for (std::size_t i = files.size(); i-- > 0;) {
    EXPECT_EQ(index.read(index.entries()[i]), files[i].second) << files[i].first;
  }
}

TEST(TarIndex, ReadsEveryFormatOfTheSystemsTar) {
  const fs::path folder = fresh_folder();
  const std::string longest = "set/" + std::string(120, 'n') + "/" + std::string(120, 'm') + ".txt";
  const std::string medium = "set/" + std::string(90, 'p') + "/é.txt";
  for (const std::string& name : {std::string("set/a.txt"), medium, longest}) {
    fs::create_directories((folder / name).parent_path());
    write_file(folder / name, "bytes of " + name);
  }
  for (const std::string format : {"gnu", "pax", "ustar", "oldgnu"}) {
    const std::string left_out = format == "ustar" ? "--exclude='nnn*'" : "";  // too long for it
    listing(folder, fmt::format("cf {0}.tar --format={0} {1} ./set", format, left_out));
    const TarIndex index(folder / (format + ".tar"));
    EXPECT_EQ(index.entries().size(), format == "ustar" ? 2 : 3) << format;
    for (const TarEntry& entry : index.entries()) {
      EXPECT_TRUE(entry.name.starts_with("set/")) << "without ./, found " << entry.name;
      EXPECT_EQ(index.read(entry), "bytes of " + entry.name) << format;
    }
  }
}

TEST(TarIndex, SaysToUnpackCompressedArchives) {
  const fs::path folder = fresh_folder();
  write_file(folder / "a.txt", "a");
  listing(folder, "czf t.tar.gz a.txt");
  EXPECT_ERROR(TarIndex(folder / "t.tar.gz"),
               "t.tar.gz: expected an uncompressed tar file, found gzip: unpack");
}

TEST(TarIndex, RefusesWhatIsNoTarFile) {
  const fs::path folder = fresh_folder();
  EXPECT_ERROR(TarIndex(folder / "none.tar"), "none.tar: expected a tar file, found nothing");
  EXPECT_ERROR(TarIndex{folder}, "expected a tar file");
  write_file(folder / "empty.tar", "");
  EXPECT_ERROR(TarIndex(folder / "empty.tar"), "empty.tar");
  write_file(folder / "text.tar", std::string(5000, 'x'));
  EXPECT_ERROR(TarIndex(folder / "text.tar"), "text.tar");
}

TEST(TarIndex, NoticesAnArchiveThatWasCutSince) {
  const fs::path path = fresh_folder() / "t.tar";
  TarWriter tar(path);
  tar.add("a", std::string(2000, 'a'));
  tar.commit();
  const TarIndex index(path);
  fs::resize_file(path, 1024);
  EXPECT_ERROR(index.read(index.entries()[0]), "expected 2000 bytes from byte 512 on, but the file has 1024");
}

TEST(ReadFilePart, GivesTheBytesAskedForOrAnError) {
  const fs::path folder = fresh_folder();
  write_file(folder / "f", "0123456789");
  EXPECT_EQ(read_file_part(folder / "f", 0, 10), "0123456789");
  EXPECT_EQ(read_file_part(folder / "f", 3, 4), "3456");
  EXPECT_EQ(read_file_part(folder / "f", 10, 0), "");
  EXPECT_ERROR(read_file_part(folder / "f", 3, 8), "f: expected 8 bytes from byte 3 on, but the file has 10");
  EXPECT_ERROR(read_file_part(folder / "f", 11, 0), "but the file has 10");
  EXPECT_ERROR(read_file_part(folder / "f", ~0ULL, ~0ULL), "but the file has 10");
  EXPECT_ERROR(read_file_part(folder / "none", 0, 1), "none: cannot be read: No such file");
  EXPECT_ERROR(read_file_part(folder, 0, 1), "expected a regular file");
}

}  // namespace
}  // namespace medisyn
