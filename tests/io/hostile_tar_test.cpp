// Tar files that were made to do harm, and damaged ones: read or refused, and never believed.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "../mutations.h"
#include "medisyn/core/files.h"
#include "medisyn/io/tar.h"

namespace medisyn {
namespace {

constexpr std::size_t kBlock = 512;

struct Header {
  std::string name;
  char type = '0';
  std::string size = "00000000001";  ///< octal, or base 256
  std::string link = "";
};

/// POSIX ustar: fields at fixed offsets, the checksum over the header with blanks in its own place.
std::string header_block(const Header& header) {
  std::string block(kBlock, '\0');
  const auto put = [&](std::size_t at, const std::string& text) { block.replace(at, text.size(), text); };
  put(0, header.name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, header.size);
  put(136, "00000000000");
  put(148, std::string(8, ' '));
  put(156, std::string(1, header.type));
  put(157, header.link);
  put(257, std::string("ustar\0"
                       "00",
                       8));
  const unsigned sum = std::accumulate(block.begin(), block.end(), 0U, [](unsigned total, char c) {
    return total + static_cast<unsigned char>(c);
  });
  put(148, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  return block;
}

std::string padded(std::string_view bytes) {
  std::string blocks((bytes.size() + kBlock - 1) / kBlock * kBlock, '\0');
  blocks.replace(0, bytes.size(), bytes);
  return blocks;
}

const std::string kEnd(2 * kBlock, '\0');

/// One entry with the byte "x".
std::string one(const Header& header) { return header_block(header) + padded("x"); }

fs::path file_of(const std::string& bytes) {
  const fs::path path = fresh_folder() / "t.tar";
  write_file(path, bytes);
  return path;
}

/// Length, blank, key, =, value, line end: the length counts its own digits.
std::string pax_record(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  std::size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) {
    ++length;
  }
  return std::to_string(length) + rest;
}

std::string pax(const std::string& records) {
  return header_block({"pax", 'x', fmt::format("{:011o}", records.size())}) + padded(records);
}

TEST(HostileTar, TheBlocksOfThisTestAreATarFile) {
  const TarIndex index(file_of(one({"a.txt"}) + kEnd));
  EXPECT_EQ(index.entries(), (std::vector<TarEntry>{{"a.txt", kBlock, 1}}));
  const TarIndex with_pax(file_of(pax(pax_record("path", "é.txt")) + one({"a.txt"}) + kEnd));
  EXPECT_EQ(with_pax.entries(), (std::vector<TarEntry>{{"é.txt", 3 * kBlock, 1}}));
  EXPECT_EQ(with_pax.read(with_pax.entries()[0]), "x");
}

TEST(HostileTar, NamesThatLeaveTheArchiveAreRefused) {
  for (const std::string name : {"/etc/passwd", "../a", "a/../../b", "a/..", ".."}) {
    EXPECT_ERROR(TarIndex(file_of(one({"fine"}) + one({name}) + kEnd)), "t.tar: entry '" + name + "'");
    EXPECT_ERROR(TarIndex(file_of(pax(pax_record("path", name)) + one({"fine"}) + kEnd)),
                 "t.tar: entry '" + name + "'");
  }
  EXPECT_ERROR(TarIndex(file_of(header_block({"../folder/", '5', "00000000000"}) + kEnd)), "'../folder/'");
}

TEST(HostileTar, NamesThatCannotBeShownAreRefused) {
  EXPECT_ERROR(TarIndex(file_of(one({"a\xFF.txt"}) + kEnd)),
               R"(entry 'a\xff.txt': expected a name in UTF-8)");
  EXPECT_ERROR(TarIndex(file_of(one({"a\xC0\xAE.txt"}) + kEnd)), "expected a name in UTF-8");
  EXPECT_ERROR(TarIndex(file_of(one({"a\n.txt"}) + kEnd)), R"(entry 'a\x0a.txt')");
  EXPECT_ERROR(TarIndex(file_of(one({"a\x1B[2J"}) + kEnd)), R"(entry 'a\x1b[2J')");
  EXPECT_ERROR(TarIndex(file_of(one({""}) + kEnd)), "t.tar");
  EXPECT_ERROR(TarIndex(file_of(pax(pax_record("path", "a\xFF")) + one({"fine"}) + kEnd)), "t.tar");
}

TEST(HostileTar, ANameMayStandOnlyOnce) {
  EXPECT_ERROR(TarIndex(file_of(one({"a"}) + one({"b"}) + one({"a"}) + kEnd)), "entry 'a': the name stands");
  EXPECT_ERROR(TarIndex(file_of(one({"a/b"}) + one({"./a//b"}) + kEnd)), "entry 'a/b': the name stands");
}

TEST(HostileTar, OnlyFilesAndFoldersAreTaken) {
  const std::string none = "00000000000";
  EXPECT_ERROR(TarIndex(file_of(header_block({"s", '2', none, "/etc/passwd"}) + kEnd)), "entry 's'");
  EXPECT_ERROR(TarIndex(file_of(one({"a"}) + header_block({"h", '1', none, "a"}) + kEnd)), "found a link");
  for (const char type : {'3', '4', '6'}) {
    EXPECT_ERROR(TarIndex(file_of(header_block({"d", type, none}) + kEnd)), "entry 'd'");
  }
  EXPECT_ERROR(
      TarIndex(file_of(pax(pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.minor", "0") +
                           pax_record("GNU.sparse.name", "sparse") +
                           pax_record("GNU.sparse.realsize", "1000000000000")) +
                       header_block({"a", '0', "00000001000"}) + padded("1\n0\n0\n") + kEnd)),
      "t.tar");
  EXPECT_TRUE(TarIndex(file_of(header_block({"folder/", '5', none}) + kEnd)).entries().empty());
}

TEST(HostileTar, SizesAreNotBelieved) {
  const std::string base_256 = std::string("\x80\0\0\0\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 12);
  const std::string negative(12, '\xFF');
  for (const std::string& size :
       {std::string("00000002001"), std::string("77777777777"), base_256, negative}) {
    EXPECT_ERROR(TarIndex(file_of(one({"a", '0', size}) + kEnd)), "t.tar");
  }
  EXPECT_ERROR(TarIndex(file_of(one({"a", '0', "77777777777"}) + kEnd)),
               "entry 'a': its header claims 8589934591");
  EXPECT_ERROR(TarIndex(file_of(pax(pax_record("size", "9223372036854775807")) + one({"a"}) + kEnd)),
               "t.tar");
  EXPECT_ERROR(TarIndex(file_of(pax(pax_record("size", "99999999999999999999")) + one({"a"}) + kEnd)),
               "t.tar");
  // A pax header and a long name that claim to be huge themselves.
  EXPECT_ERROR(TarIndex(file_of(header_block({"pax", 'x', "77777777777"}) + one({"a"}) + kEnd)), "t.tar");
  EXPECT_ERROR(TarIndex(file_of(header_block({"././@LongLink", 'L', "77777777777"}) + one({"a"}) + kEnd)),
               "t.tar");
}

TEST(HostileTar, AnArchiveThatIsCutShortOrGoesOnIsRefused) {
  const std::string two = one({"a"}) + one({"b"});
  EXPECT_ERROR(TarIndex(file_of(two)), "t.tar: the tar file is cut short");
  EXPECT_ERROR(TarIndex(file_of(two.substr(0, two.size() - 600))), "t.tar");
  EXPECT_ERROR(TarIndex(file_of(one({"a"}) + kEnd + one({"b"}) + kEnd)), "behind the tar file's end mark");
  EXPECT_EQ(TarIndex(file_of(two + kEnd + std::string(20 * kBlock, '\0'))).entries().size(), 2);
}

/// A few files in the format.
std::string written_by_tar(const std::string& format) {
  const fs::path folder = fresh_folder("." + format);
  const std::string long_name = fmt::format("{:n>120}.txt", "");
  write_file(folder / "a.txt", "first");
  write_file(folder / "b.txt", std::string(3000, 'b'));
  write_file(folder / long_name, "long");
  const std::string command =
      fmt::format("cd '{}' && tar cf t.tar --format={} a.txt b.txt {}", folder.string(), format, long_name);
  EXPECT_EQ(std::system(command.c_str()), 0);
  return read_file(folder / "t.tar");
}

TEST(HostileTar, DamagedCopiesAreReadOrRefused) {
  const fs::path path = fresh_folder() / "t.tar";
  int read = 0, refused = 0;
  for (const std::string format : {"gnu", "pax"}) {
    const std::string good = written_by_tar(format);
    Mutations mutations(7);
    for (int i = 0; i < 250; ++i) {
      // Where the headers and the data end; behind that are zeros.
      const std::size_t limit = good.find_last_not_of('\0') + 1;
      std::string bytes = i % 5 == 0   ? mutations.truncated(good)
                          : i % 2 == 0 ? mutations.flipped(good, limit)
                                       : mutations.overwritten(good, limit);
      // The checksums of half the copies are made right again, so that the damage is read.
      for (std::size_t at = 0; i % 4 > 1 && at + kBlock <= bytes.size(); at += kBlock) {
        if (bytes.compare(at + 257, 5, "ustar") == 0) {
          bytes.replace(at + 148, 8, 8, ' ');
          unsigned sum = 0;
          for (std::size_t k = at; k < at + kBlock; ++k) {
            sum += static_cast<unsigned char>(bytes[k]);
          }
          bytes.replace(at + 148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
        }
      }
      write_file(path, bytes);
      try {
        const TarIndex index(path);
        for (const TarEntry& entry : index.entries()) {
          EXPECT_EQ(index.read(entry).size(), entry.size);
          EXPECT_LE(entry.begin + entry.size, bytes.size());
        }
        ++read;
      } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("t.tar"), std::string::npos) << error.what();
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
        ++refused;
      }
    }
  }
  std::printf("500 damaged tar files: %d read, %d refused\n", read, refused);
  EXPECT_GT(read, 20);
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace medisyn
