#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <unordered_set>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/io/tar.h"
#include "utf8_names.h"

namespace medisyn {
namespace {

constexpr std::uint64_t kTarBlock = 512;

/// A name that may hold anything, for one line of a message.
std::string shown(std::string_view name) {
  constexpr std::size_t kLongest = 120;
  std::string text;
  for (const char c : name.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    text += byte < 0x20 || byte >= 0x7F ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return name.size() > kLongest ? text + "..." : text;
}

/// The compression that these first bytes of a file announce, or nothing.
std::string_view compression_of(std::string_view head) {
  struct Magic {
    std::string_view bytes, name;
  };
  static constexpr std::array<Magic, 5> kMagics{{{"\x1F\x8B", "gzip"},
                                                 {"BZh", "bzip2"},
                                                 {"\xFD"
                                                  "7zXZ",
                                                  "xz"},
                                                 {"\x28\xB5\x2F\xFD", "zstd"},
                                                 {"\x04\x22\x4D\x18", "lz4"}}};
  const auto* found = std::find_if(kMagics.begin(), kMagics.end(),
                                   [&](const Magic& magic) { return head.starts_with(magic.bytes); });
  return found == kMagics.end() ? std::string_view() : found->name;
}

/// Walks over the headers of one archive.
class HeaderPass {
 public:
  explicit HeaderPass(const fs::path& path)
      : path_(path), size_(fs::file_size(path)), archive_(archive_read_new(), archive_read_free) {
    constexpr std::size_t kBlock = 10240;  // tar's own
    // Tar alone, no filters: some of libarchive's start programs.
    archive_read_support_format_tar(archive_.get());
    if (archive_read_open_filename(archive_.get(), path.c_str(), kBlock) != ARCHIVE_OK) {
      fail("{}: expected a tar file: {}", path_.string(), reason());
    }
  }

  std::vector<TarEntry> entries() {
    std::vector<TarEntry> found;
    archive_entry* header = nullptr;
    int status = ARCHIVE_OK;
    while ((status = archive_read_next_header(archive_.get(), &header)) == ARCHIVE_OK) {
      std::string name = checked_name(header);
      after_ = static_cast<std::uint64_t>(archive_filter_bytes(archive_.get(), 0));
      if (archive_entry_filetype(header) != AE_IFDIR || archive_entry_hardlink(header) != nullptr) {
        found.push_back(checked_file(header, std::move(name)));
        after_ += (found.back().size + kTarBlock - 1) / kTarBlock * kTarBlock;
      }
    }
    if (status != ARCHIVE_EOF) {
      fail("{}: damaged tar file, after {} files and {} bytes: {}", path_.string(), found.size(),
           archive_filter_bytes(archive_.get(), 0), reason());
    }
    check_end();
    return found;
  }

 private:
  std::string reason() const {
    const char* text = archive_error_string(archive_.get());
    return text == nullptr ? "unknown reason" : shown(text);
  }

  /// Without "./" and doubled slashes.
  std::string checked_name(archive_entry* header) const {
    const char* raw = archive_entry_pathname(header);
    const std::string name = raw == nullptr ? "" : raw;
    if (name.empty()) {
      fail("{}: holds an entry without a name, or with one that is no UTF-8, before byte {}", path_.string(),
           archive_filter_bytes(archive_.get(), 0));
    }
    const bool has_controls = std::any_of(
        name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    if (has_controls || !Utf8Names::are_valid(name)) {
      fail("{}: entry '{}': expected a name in UTF-8 without control characters", path_.string(),
           shown(name));
    }
    const fs::path as_path(name);
    if (as_path.is_absolute() || std::find(as_path.begin(), as_path.end(), "..") != as_path.end()) {
      fail("{}: entry '{}': expected a name that stays inside the archive, found an absolute one or '..'",
           path_.string(), shown(name));
    }
    return as_path.lexically_normal().string();
  }

  TarEntry checked_file(archive_entry* header, std::string name) {
    const auto refuse = [&](std::string_view what) {
      fail("{}: entry '{}': expected a regular file or a folder, found {}", path_.string(), shown(name),
           what);
    };
    if (archive_entry_hardlink(header) != nullptr || archive_entry_filetype(header) == AE_IFLNK) {
      refuse("a link");
    }
    if (archive_entry_filetype(header) != AE_IFREG) {
      refuse("a device or pipe");
    }
    if (archive_entry_sparse_count(header) > 0) {
      refuse("a sparse file (pack it again without --sparse)");
    }
    if (name == "." || name.ends_with('/')) {
      refuse("a file with a folder's name");
    }
    const la_int64_t size = archive_entry_size(header);
    if (size < 0 || after_ > size_ || static_cast<std::uint64_t>(size) > size_ - after_) {
      fail("{}: entry '{}': its header claims {} bytes from byte {} on, but the archive has {} bytes",
           path_.string(), shown(name), size, after_, size_);
    }
    if (!names_.insert(name).second) {
      fail("{}: entry '{}': the name stands in the archive twice", path_.string(), shown(name));
    }
    return {std::move(name), after_, static_cast<std::uint64_t>(size)};
  }

  /// An archive that was cut between two entries lacks the two zero blocks at the end; bytes behind them are
  /// entries that no reader would see (archives that were joined by cat).
  void check_end() const;

  const fs::path& path_;
  std::uint64_t size_;
  std::uint64_t after_ = 0;  ///< where the header that was read last ends, then its file
  std::unique_ptr<struct archive, int (*)(struct archive*)> archive_;
  std::unordered_set<std::string> names_;
};

void HeaderPass::check_end() const {
  constexpr std::uint64_t kPart = 1 << 20;
  const auto read = static_cast<std::uint64_t>(archive_filter_bytes(archive_.get(), 0));
  std::uint64_t at = std::min(read, size_);
  const auto zero = [](char c) { return c == 0; };
  const bool is_long_enough = at >= after_ + kTarBlock;
  const std::string last = is_long_enough ? read_file_part(path_, at - kTarBlock, kTarBlock) : "";
  if (!is_long_enough || !std::all_of(last.begin(), last.end(), zero)) {
    fail("{}: the tar file is cut short: it ends without its end mark at byte {}", path_.string(), at);
  }
  for (; at < size_; at += kPart) {
    const std::string rest = read_file_part(path_, at, std::min(kPart, size_ - at));
    if (!std::all_of(rest.begin(), rest.end(), zero)) {
      fail(
          "{}: there are bytes behind the tar file's end mark, which no reader would see (archives joined by "
          "cat?): pack it again",
          path_.string());
    }
  }
}

class OpenFile {
 public:
  explicit OpenFile(const fs::path& path) : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) {
      close(descriptor_);
    }
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace

TarIndex::TarIndex(fs::path archive) : path_(std::move(archive)) {
  require_file(path_, "a tar file");
  constexpr std::uint64_t kHead = 6;
  const std::string_view compression =
      compression_of(read_file_part(path_, 0, std::min<std::uint64_t>(kHead, fs::file_size(path_))));
  if (!compression.empty()) {
    fail(
        "{}: expected an uncompressed tar file, found {}: unpack it first, single files cannot be read from "
        "it",
        path_.string(), compression);
  }
  const Utf8Names names;
  entries_ = HeaderPass(path_).entries();
}

std::string TarIndex::read(const TarEntry& entry) const {
  return read_file_part(path_, entry.begin, entry.size);
}

std::string read_file_part(const fs::path& file, std::uint64_t begin, std::uint64_t size) {
  const OpenFile opened(file);
  struct stat facts {};
  if (opened.descriptor() < 0 || fstat(opened.descriptor(), &facts) != 0) {
    fail("{}: cannot be read: {}", file.string(), std::strerror(errno));
  }
  if (!S_ISREG(facts.st_mode)) {
    fail("{}: expected a regular file", file.string());
  }
  const auto length = static_cast<std::uint64_t>(facts.st_size);
  if (begin > length || size > length - begin) {
    fail("{}: expected {} bytes from byte {} on, but the file has {} bytes", file.string(), size, begin,
         length);
  }
  std::string bytes(size, '\0');
  for (std::uint64_t done = 0; done < size;) {
    const ssize_t count =
        pread(opened.descriptor(), bytes.data() + done, size - done, static_cast<off_t>(begin + done));
    if (count <= 0 && !(count < 0 && errno == EINTR)) {
      fail("{}: cannot be read: {}", file.string(), count == 0 ? "it became shorter" : std::strerror(errno));
    }
    done += static_cast<std::uint64_t>(std::max<ssize_t>(count, 0));
  }
  return bytes;
}

}  // namespace medisyn
