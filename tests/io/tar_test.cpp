// Tar files, read back by the system's tar.
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

}  // namespace
}  // namespace medisyn
