#include "medisyn/train/event_file.h"

#include <gtest/gtest.h>

#include <cstring>

#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

TEST(EventFile, Crc32cOfTheKnownVectorMasked) {
  // CRC-32C("123456789") is E3069283 (RFC 3720); masked: rotated right by 15, plus A282EAD8.
  const std::uint32_t crc = 0xE3069283U;
  EXPECT_EQ(masked_crc32c("123456789"), ((crc >> 15U) | (crc << 17U)) + 0xA282EAD8U);
}

TEST(EventFile, RecordHasLengthAndChecksums) {
  const std::string record = tf_record("abc");
  ASSERT_EQ(record.size(), 8U + 4 + 3 + 4);
  std::uint64_t length = 0;
  std::uint32_t crc = 0;
  std::memcpy(&length, record.data(), 8);
  std::memcpy(&crc, record.data() + 8, 4);
  EXPECT_EQ(length, 3U);
  EXPECT_EQ(crc, masked_crc32c(std::string_view(record).substr(0, 8)));
  std::memcpy(&crc, record.data() + 15, 4);
  EXPECT_EQ(crc, masked_crc32c("abc"));
}

TEST(EventFile, ScalarIsTheProtocolBuffer) {
  // 1: double 1.0, 2: varint 300, 5: { 1: { 1: "a", 2: float 0.5 } }
  const std::string expected(
      "\x09\0\0\0\0\0\0\xF0\x3F\x10\xAC\x02\x2A\x0A\x0A\x08\x0A\x01"
      "a\x15\0\0\0\x3F",
      24);
  EXPECT_EQ(scalar_event(1.0, 300, "a", 0.5F), expected);
}

TEST(EventFile, FileGrowsByWholeRecords) {
  const fs::path folder = fresh_folder();
  EventFile events(folder / "tb");
  events.add_scalar("loss", 0.5, 1);
  events.add_scalar("loss", 0.25, 2);
  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder / "tb")) {
    EXPECT_TRUE(entry.path().filename().string().starts_with("events.out.tfevents."));
    const std::string bytes = read_file(entry.path());
    std::size_t records = 0;
    for (std::size_t at = 0; at < bytes.size(); ++records) {
      std::uint64_t length = 0;
      std::memcpy(&length, bytes.data() + at, 8);
      at += 16 + length;
      ASSERT_LE(at, bytes.size());
    }
    EXPECT_EQ(records, 3U);
    ++files;
  }
  EXPECT_EQ(files, 1);
}

}  // namespace
}  // namespace medisyn
