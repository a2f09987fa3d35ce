#include "medisyn/train/event_file.h"

#include <gtest/gtest.h>

#include <cstring>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "../peers.h"
#include "medisyn/core/files.h"
#include "medisyn/io/image.h"
#include "medisyn/io/jsonl.h"

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

TEST(EventFile, ImageIsTheProtocolBuffer) {
  // 1: double 1.0, 2: varint 7, 5: { 1: { 1: "a", 4: { 1: 200, 2: 3, 3: 3 (RGB), 4: "png" } } }
  const std::string expected(
      "\x09\0\0\0\0\0\0\xF0\x3F\x10\x07\x2A\x13\x0A\x11\x0A\x01"
      "a\x22\x0C\x08\xC8\x01\x10\x03\x18\x03\x22\x03png",
      32);
  EXPECT_EQ(image_event(1.0, 7, "a", {.height = 200, .width = 3, .png_bytes = "png"}), expected);
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

TEST(EventFile, RefusesAFolderThatCannotBeWritten) {
  const fs::path folder = fresh_folder();
  write_file(folder / "file", "");
  EXPECT_THROW(EventFile(folder / "file"), std::exception);
  EXPECT_ERROR(EventFile("/proc/self"), "cannot be written: ");
}

TEST(EventFile, TensorBoardReadsWhatWasWritten) {
  if (peers_python().empty()) {
    GTEST_SKIP() << "no tensorboard here: scripts/setup_peers.sh makes .venv-peers";
  }
  const fs::path folder = fresh_folder();
  Json expected = {{"scalars", Json::object()}, {"images", Json::object()}};
  EventFile events(folder / "tensorboard");
  const auto add_scalar = [&](const std::string& tag, double value, std::int64_t step) {
    events.add_scalar(tag, value, step);
    expected["scalars"][tag].push_back({step, value});
  };
  const auto add_image = [&](const std::string& tag, int width, int height, std::int64_t step) {
    Image image{.height = height, .width = width, .pixels = {}};
    for (int i = 0; i < width * height * 3; ++i) {
      image.pixels.push_back(static_cast<std::uint8_t>(i * 7 + step));
    }
    const std::string png = encode_png(image);
    const std::string name = fmt::format("{}.png", step);
    events.add_image(tag, png, width, height, step);
    write_file(folder / name, png);
    expected["images"][tag].push_back({step, width, height, name});
  };
  for (std::int64_t step = 0; step < 300; ++step) {
    add_scalar("loss", 1.0 / (static_cast<double>(step) + 3), step);
  }
  add_scalar("validation/mse", -0.1, 0);
  add_image("samples", 200, 3, 1);
  add_scalar("validation/mse", 3.0e38, std::int64_t{1} << 40);
  add_scalar("Verlust (Übung)", 1e-30, 5);
  add_image("samples", 64, 130, 300);
  add_image("others/é", 1, 1, 301);
  write_file(folder / "expected.json", expected.dump());
  EXPECT_EQ(run_peer("parity_events.py", folder), 0);
}

}  // namespace
}  // namespace medisyn
