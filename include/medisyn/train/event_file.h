// TensorBoard event files: what tensorboard --logdir RUN/tensorboard shows.
//
// A file is a list of TFRecords, each
//   uint64 length, uint32 masked CRC-32C of it, `length` bytes of payload, uint32 masked CRC-32C of the
//   payload
// little endian. A payload is an Event protocol buffer: 1: double wall_time, 2: int64 step, 3: string
// file_version, 5: Summary {1: Value {1: string tag, and one of 2: float simple_value, 4: Image {1: int32
// height, 2: int32 width, 3: int32 colorspace, 4: bytes encoded_image_string}}}. Sources:
// tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto, framework/summary.proto.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace medisyn {

class EventFile {
 public:
  /// Starts a new file in `folder`, which is made when it is not there. Every event reaches the file before
  /// the function that adds it is done. Error, here and below, when it cannot be written.
  explicit EventFile(const std::filesystem::path& folder);

  void add_scalar(const std::string& tag, double value, std::int64_t step);

  /// An RGB picture: its PNG bytes (io/image.h) and its size.
  void add_image(const std::string& tag, const std::string& png_bytes, std::int64_t width,
                 std::int64_t height, std::int64_t step);

 private:
  void append(const std::string& payload);

  std::filesystem::path path_;
  std::ofstream stream_;
};

/// CRC-32C (Castagnoli) as TFRecords mask it: rotated right by 15 bits, plus a constant.
std::uint32_t masked_crc32c(std::string_view bytes);

/// The bytes of one TFRecord.
std::string tf_record(std::string_view payload);

/// The Event of one scalar.
std::string scalar_event(double wall_time, std::int64_t step, const std::string& tag, float value);

struct EventImage {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::string png_bytes;  ///< RGB
};
/// The Event of one picture.
std::string image_event(double wall_time, std::int64_t step, const std::string& tag, const EventImage& image);

}  // namespace medisyn
