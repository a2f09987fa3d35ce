#include "medisyn/io/npz.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/ranges.h>

#include <array>
#include <cstring>
#include <memory>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/numbers.h"

namespace medisyn {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::string_view kExtension = ".npy";
constexpr std::size_t kMostBytes = std::size_t{1} << 33;  // of an array: a deflated file of zeros is small
constexpr std::size_t kMostHeader = 4096;
constexpr std::size_t kAlignment = 64;        // of the values, as NumPy writes them
constexpr std::time_t kFirstDay = 315532800;  // 1980, the first that a zip archive can name

constexpr std::array<std::pair<std::string_view, torch::ScalarType>, 8> kTypes = {{
    {"<f8", torch::kDouble},
    {"<f4", torch::kFloat},
    {"<f2", torch::kHalf},
    {"<i8", torch::kLong},
    {"<i4", torch::kInt},
    {"|i1", torch::kChar},
    {"|u1", torch::kByte},
    {"|b1", torch::kBool},
}};

using Archive = std::unique_ptr<struct archive, int (*)(struct archive*)>;

/// The array of a .npy file's bytes. `where` names it.
class NpyReader {
 public:
  NpyReader(std::string_view bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

  torch::Tensor read() {
    const std::string header = read_header();
    std::vector<std::int64_t> shape = shape_of(header);
    const torch::ScalarType type = type_of(text_of(header, R"('descr':\s*'([^']*)')"));
    const bool is_turned = text_of(header, R"('fortran_order':\s*(True|False))") == "True";
    if (is_turned) {
      std::reverse(shape.begin(), shape.end());
    }
    std::size_t size = torch::elementSize(type);
    for (const std::int64_t length : shape) {
      if (length < 0 || (length > 0 && size > kMostBytes / static_cast<std::size_t>(length))) {
        fail("{}: expected at most {} bytes, found the shape [{}]", where_, kMostBytes,
             fmt::join(shape, ", "));
      }
      size *= static_cast<std::size_t>(length);
    }
    if (size != bytes_.size()) {
      fail("{}: expected {} bytes of values, as its shape says, found {}: the file is cut short or damaged",
           where_, size, bytes_.size());
    }
    const torch::Tensor values = torch::empty(shape, type);
    if (size > 0) {
      std::memcpy(values.data_ptr(), bytes_.data(), size);
    }
    return is_turned ? values.permute(turned(values.dim())).contiguous() : values;
  }

 private:
  [[noreturn]] void refuse() const { fail("{}: expected an array of NumPy, found something else", where_); }

  /// The dict's text; what is left of the bytes is the values.
  std::string read_header() {
    if (!bytes_.starts_with(kMagic) || bytes_.size() < kMagic.size() + 4) {
      refuse();
    }
    const std::size_t digits = bytes_[kMagic.size()] == 1 ? 2 : 4;
    std::size_t at = kMagic.size() + 2;
    std::size_t length = 0;
    for (std::size_t i = 0; i < digits && at < bytes_.size(); ++i, ++at) {
      length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes_[at])) << (8 * i);
    }
    if (length > kMostHeader || length > bytes_.size() - at) {
      refuse();
    }
    const std::string header(bytes_.substr(at, length));
    bytes_.remove_prefix(at + length);
    return header;
  }

  std::string text_of(const std::string& header, const char* pattern) const {
    std::smatch match;
    if (!std::regex_search(header, match, std::regex(pattern))) {
      refuse();
    }
    return match[1];
  }

  std::vector<std::int64_t> shape_of(const std::string& header) const {
    const std::string text = text_of(header, R"('shape':\s*\(([0-9,\s]{0,200})\))");
    std::vector<std::int64_t> shape;
    const std::regex number("[0-9]+");
    for (std::sregex_iterator it(text.begin(), text.end(), number); it != std::sregex_iterator(); ++it) {
      const auto length = parse_number<std::int64_t>(it->str());
      if (!length) {
        refuse();
      }
      shape.push_back(*length);
    }
    return shape;
  }

  torch::ScalarType type_of(const std::string& name) const {
    for (const auto& [known, type] : kTypes) {
      if (known == name) {
        return type;
      }
    }
    fail("{}: expected numbers of up to 8 bytes, little endian, found the type '{}'", where_, name);
  }

  static std::vector<std::int64_t> turned(std::int64_t dimensions) {
    std::vector<std::int64_t> order;
    for (std::int64_t i = dimensions; i > 0; --i) {
      order.push_back(i - 1);
    }
    return order;
  }

  std::string_view bytes_;
  std::string where_;
};

std::string npy_bytes(const torch::Tensor& array) {
  const torch::Tensor values = array.detach().to(torch::kCPU).contiguous();
  std::string type;
  for (const auto& [name, known] : kTypes) {
    type = known == values.scalar_type() ? std::string(name) : type;
  }
  TORCH_CHECK(!type.empty(), "no array of NumPy holds ", values.scalar_type());
  std::string shape = fmt::format("{}", fmt::join(values.sizes().vec(), ", "));
  shape += values.dim() == 1 ? "," : "";
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type, shape);
  const std::size_t before = kMagic.size() + 4;
  header.append((kAlignment - (before + header.size() + 1) % kAlignment) % kAlignment, ' ');
  header += '\n';
  std::string bytes(kMagic);
  bytes += {'\x01', '\x00', static_cast<char>(header.size() & 0xFF), static_cast<char>(header.size() >> 8)};
  bytes += header;
  return bytes.append(static_cast<const char*>(values.const_data_ptr()), values.nbytes());
}

/// The bytes of the archive's present entry.
std::string entry_bytes(struct archive* archive, const std::string& where) {
  std::string bytes;
  std::vector<char> chunk(std::size_t{1} << 20);
  for (;;) {
    const la_ssize_t count = archive_read_data(archive, chunk.data(), chunk.size());
    if (count < 0) {
      fail("{}: cannot be read: {}", where, archive_error_string(archive));
    }
    if (count == 0) {
      return bytes;
    }
    bytes.append(chunk.data(), static_cast<std::size_t>(count));
    if (bytes.size() > kMostBytes) {
      fail("{}: expected at most {} bytes", where, kMostBytes);
    }
  }
}

la_ssize_t pass_on(struct archive*, void* file, const void* bytes, std::size_t size) {
  static_cast<AtomicFile*>(file)->write(bytes, size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

TensorMap read_npz(const fs::path& path) {
  require_file(path, "a .npz file");
  const Archive archive(archive_read_new(), archive_read_free);
  archive_read_support_format_zip(archive.get());
  const auto check = [&](int status) {
    if (status < ARCHIVE_WARN) {
      fail("{}: expected a .npz file of NumPy: {}", path.string(), archive_error_string(archive.get()));
    }
    return status;
  };
  check(archive_read_open_filename(archive.get(), path.c_str(), std::size_t{1} << 16));
  TensorMap arrays;
  archive_entry* entry = nullptr;
  while (check(archive_read_next_header(archive.get(), &entry)) != ARCHIVE_EOF) {
    const char* pathname = archive_entry_pathname(entry);
    const std::string name = pathname == nullptr ? "" : pathname;
    if (name.ends_with(kExtension)) {
      const std::string where = fmt::format("{}: {}", path.string(), name);
      const std::string bytes = entry_bytes(archive.get(), where);
      arrays[name.substr(0, name.size() - kExtension.size())] = NpyReader(bytes, where).read();
    }
  }
  return arrays;
}

void write_npz(const fs::path& path, const TensorMap& arrays) {
  AtomicFile file(path);
  const Archive archive(archive_write_new(), archive_write_free);
  const auto check = [&](la_ssize_t status) {
    if (status < ARCHIVE_OK) {
      fail("{}: cannot be written: {}", path.string(), archive_error_string(archive.get()));
    }
  };
  check(archive_write_set_format_zip(archive.get()));
  check(archive_write_zip_set_compression_store(archive.get()));
  check(archive_write_set_bytes_in_last_block(archive.get(), 1));
  check(archive_write_open(archive.get(), &file, nullptr, pass_on, nullptr));
  for (const auto& [name, array] : arrays) {
    constexpr int kReadable = 0644;
    const std::string bytes = npy_bytes(array);
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                         archive_entry_free);
    archive_entry_set_pathname(entry.get(), (name + std::string(kExtension)).c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), kReadable);
    archive_entry_set_mtime(entry.get(), kFirstDay, 0);
    check(archive_write_header(archive.get(), entry.get()));
    check(archive_write_data(archive.get(), bytes.data(), bytes.size()));
  }
  check(archive_write_close(archive.get()));
  file.commit();
}

}  // namespace medisyn
