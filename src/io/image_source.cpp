#include "medisyn/io/image_source.h"

#include <system_error>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/io/tar.h"

namespace medisyn {

std::string ImageSource::name() const { return member.empty() ? file.string() : (file / member).string(); }

std::string read_bytes(const ImageSource& source) {
  if (!source.is_part()) {
    return read_file(source.file);
  }
  std::error_code error;
  const std::uint64_t size = fs::file_size(source.file, error);
  if (!error && (source.begin > size || source.bytes > size - source.begin)) {
    fail(
        "{}: expected {} bytes from byte {} on, as its manifest says, but the shard has {} bytes: it is cut "
        "short, or was made anew without its manifest",
        source.name(), source.bytes, source.begin, size);
  }
  return read_file_part(source.file, source.begin, source.bytes);
}

Image read_image(const ImageSource& source) { return decode_image(read_bytes(source), source.name()); }

}  // namespace medisyn
