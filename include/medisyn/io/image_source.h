// Where the bytes of a picture are: a file, or a part of one (a member of a tar shard).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "medisyn/io/image.h"

namespace medisyn {

struct ImageSource {
  ImageSource() = default;
  ImageSource(std::filesystem::path whole_file) : file(std::move(whole_file)) {}

  /// `size` bytes of a tar file from byte `first` on; `entry` names them in messages.
  ImageSource(std::filesystem::path shard, std::uint64_t first, std::uint64_t size, std::string entry)
      : file(std::move(shard)), begin(first), bytes(size), member(std::move(entry)) {}

  bool is_part() const { return bytes > 0; }
  /// For messages: the file, with the member behind it.
  std::string name() const;

  std::filesystem::path file;
  std::uint64_t begin = 0;
  std::uint64_t bytes = 0;  ///< 0: the whole file
  std::string member;
};

/// Error when the file is missing, or when a part reaches beyond it: no memory is taken before that is known.
std::string read_bytes(const ImageSource& source);

/// Reads and decodes. Error as read_bytes() and decode_image() give it.
Image read_image(const ImageSource& source);

}  // namespace medisyn
