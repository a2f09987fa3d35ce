#include "medisyn/train/event_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value >> 1U) ^ ((value & 1U) != 0 ? 0x82F63B78U : 0U);
    }
    table[i] = value;
  }
  return table;
}

template <class T>
std::string raw(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

/// Base-128 varint of a protocol buffer.
std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80U; value >>= 7U) {
    bytes += static_cast<char>((value & 0x7FU) | 0x80U);
  }
  return bytes + static_cast<char>(value);
}

enum WireType : std::uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

std::string field(std::uint64_t number, WireType type, const std::string& value) {
  return varint(number << 3U | type) + (type == kBytes ? varint(value.size()) : "") + value;
}

double wall_time_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string varint_field(std::uint64_t number, std::int64_t value) {
  return field(number, kVarint, varint(static_cast<std::uint64_t>(value)));
}

/// The Event of a Summary with one Value.
std::string summary_event(double wall_time, std::int64_t step, const std::string& value) {
  return field(1, kFixed64, raw(wall_time)) + varint_field(2, step) +
         field(5, kBytes, field(1, kBytes, value));
}

constexpr std::int64_t kRgb = 3;  ///< Image.colorspace

}  // namespace

std::uint32_t masked_crc32c(std::string_view bytes) {
  static const auto kTable = make_crc_table();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char byte : bytes) {
    crc = kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFFU] ^ (crc >> 8U);
  }
  crc = ~crc;
  return ((crc >> 15U) | (crc << 17U)) + 0xA282EAD8U;
}

std::string tf_record(std::string_view payload) {
  const std::string length = raw(static_cast<std::uint64_t>(payload.size()));
  return length + raw(masked_crc32c(length)) + std::string(payload) + raw(masked_crc32c(payload));
}

std::string scalar_event(double wall_time, std::int64_t step, const std::string& tag, float value) {
  return summary_event(wall_time, step, field(1, kBytes, tag) + field(2, kFixed32, raw(value)));
}

std::string image_event(double wall_time, std::int64_t step, const std::string& tag,
                        const EventImage& image) {
  const std::string value = varint_field(1, image.height) + varint_field(2, image.width) +
                            varint_field(3, kRgb) + field(4, kBytes, image.png_bytes);
  return summary_event(wall_time, step, field(1, kBytes, tag) + field(4, kBytes, value));
}

EventFile::EventFile(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const double now = wall_time_now();
  path_ = folder / fmt::format("events.out.tfevents.{:.0f}.medisyn.{}", now, getpid());
  stream_.open(path_, std::ios::binary | std::ios::app);
  append(field(1, kFixed64, raw(now)) + field(3, kBytes, "brain.Event:2"));
}

void EventFile::append(const std::string& payload) {
  stream_ << tf_record(payload) << std::flush;
  if (!stream_) {
    fail("{}: cannot be written: {}", path_.string(), std::strerror(errno));
  }
}

void EventFile::add_scalar(const std::string& tag, double value, std::int64_t step) {
  append(scalar_event(wall_time_now(), step, tag, static_cast<float>(value)));
}

void EventFile::add_image(const std::string& tag, const std::string& png_bytes, std::int64_t width,
                          std::int64_t height, std::int64_t step) {
  append(image_event(wall_time_now(), step, tag, {.height = height, .width = width, .png_bytes = png_bytes}));
}

}  // namespace medisyn
