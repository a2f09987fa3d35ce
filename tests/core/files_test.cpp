#include "medisyn/core/files.h"

#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "../expect_error.h"
#include "../fresh_folder.h"

namespace medisyn {
namespace {

TEST(Files, Sha256OfKnownText) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const fs::path file = fresh_folder() / "big";
  write_file(file, std::string(3'000'000, 'x'));
  EXPECT_EQ(sha256_file(file), sha256_hex(std::string(3'000'000, 'x')));
}

TEST(Files, WriteReplacesWholeAndLeavesNothingBeside) {
  const fs::path folder = fresh_folder();
  write_file(folder / "a", "first");
  write_file(folder / "a", "second");
  EXPECT_EQ(read_file(folder / "a"), "second");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
}

TEST(Files, AbandonedWriteKeepsTheOldFile) {
  const fs::path folder = fresh_folder();
  write_file(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write("new");
  }
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
}

TEST(Files, FullDiskIsOneClearErrorAndKeepsTheOldFile) {
  const fs::path folder = fresh_folder();
  write_file(folder / "a", "old");
  // A file size limit makes write() fail as a full disk does.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{.rlim_cur = 4096, .rlim_max = before.rlim_max};
  std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_ERROR(write_file(folder / "a", std::string(100'000, 'x')), "cannot be written: File too large");
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
}

TEST(Files, UnsyncedFilesAreRenamedToo) {
  const fs::path folder = fresh_folder();
  write_file(folder / "a.part", "what a killed run left");
  write_file(folder / "a", "new", Sync::kNone);
  EXPECT_EQ(read_file(folder / "a"), "new");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
}

TEST(Files, NamesThatTheSystemRefusesAreNoFiles) {
  const fs::path folder = fresh_folder();
  write_file(folder / "a", "x");
  const fs::path long_name = folder / std::string(300, 'n');
  EXPECT_TRUE(is_file(folder / "a"));
  EXPECT_FALSE(is_file(folder) || is_file(folder / "a/b") || is_file(long_name));
  EXPECT_NO_THROW(require_file(folder / "a", "a list"));
  EXPECT_ERROR(require_file(folder, "a list"), "expected a list, found no file");
  EXPECT_ERROR(require_file(long_name, "a list"), "n: expected a list, found nothing");
  EXPECT_ERROR(read_file(long_name), "n: cannot be read: File name too long");
  EXPECT_ERROR(sha256_file(long_name), "n: cannot be read: File name too long");
}

TEST(Files, MissingFilesAreNamed) {
  const fs::path folder = fresh_folder();
  EXPECT_ERROR(read_file(folder / "none"), "none: cannot be read: No such file");
  EXPECT_ERROR(read_file(folder), "expected a file, found a folder");
  EXPECT_ERROR(sha256_file(folder / "none"), "cannot be read");
  EXPECT_ERROR(write_file(folder / "no" / "a", "x"), "cannot be written: No such file");
  EXPECT_ERROR(find_config("no_such.yaml"), "no_such.yaml: no such config");
}

TEST(Files, OutputFolderOfAnotherRunIsRefused) {
  const fs::path folder = fresh_folder();
  { const OutputFolder lost(folder / "new" / "run"); }
  EXPECT_FALSE(fs::exists(folder / "new" / "run")) << "nothing came to be in it";
  const OutputFolder claimed(folder / "new" / "run");
  EXPECT_TRUE(fs::is_directory(folder / "new" / "run"));
  { const OutputFolder again(folder / "new" / "run"); }
  for (const char* mark : {"result.json", "config.yaml", "metrics.jsonl", "metadata.jsonl"}) {
    const fs::path used = folder / mark / "run";
    fs::create_directories(used);
    write_file(used / mark, "{}");
    EXPECT_ERROR(OutputFolder{used}, "already holds another run");
  }
  write_file(folder / "plain", "x");
  EXPECT_ERROR(OutputFolder{folder / "plain"}, "cannot be made");
}

TEST(Files, TemporaryFolderIsThereOnlyWhenCommitted) {
  const fs::path folder = fresh_folder();
  {
    TemporaryFolder lost(folder / "done");
    write_file(lost.path() / "a", "x");
  }
  EXPECT_TRUE(fs::is_empty(folder));
  TemporaryFolder kept(folder / "done");
  write_file(kept.path() / "a", "x");
  EXPECT_FALSE(fs::exists(folder / "done"));
  kept.commit();
  EXPECT_EQ(read_file(folder / "done" / "a"), "x");
  EXPECT_FALSE(fs::exists(kept.path()));
}

TEST(Files, TemporaryFolderNeverReplacesAFullOne) {
  const fs::path folder = fresh_folder();
  fs::create_directories(folder / "done");
  write_file(folder / "done" / "mine", "y");
  TemporaryFolder temporary(folder / "done");
  EXPECT_ERROR(temporary.commit(), "cannot be put in place");
  EXPECT_EQ(read_file(folder / "done" / "mine"), "y");
  EXPECT_ERROR(TemporaryFolder(folder / "done" / "mine" / "below"), "cannot be made");
}

TEST(Files, AppendLineGrows) {
  const fs::path file = fresh_folder() / "log";
  append_line(file, "a");
  append_line(file, "b");
  EXPECT_EQ(read_file(file), "a\nb\n");
}

}  // namespace
}  // namespace medisyn
