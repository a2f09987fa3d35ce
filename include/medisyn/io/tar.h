// Tar files, as WebDataset keeps samples: files of one sample stand together and share the name before the
// first dot.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace medisyn {

/// Writes a tar file under a temporary name, which commit() syncs and renames. The same entries give the same
/// bytes: no times, owners or permissions of this machine stand in it. Without commit() nothing is left
/// behind.
class TarWriter {
 public:
  explicit TarWriter(std::filesystem::path target);
  ~TarWriter();
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  /// Adds a file and gives back where its bytes begin in the tar file, so that an index can be written beside
  /// it. Error, with the path and the system's reason, when it cannot be written.
  std::uint64_t add(const std::string& name, std::string_view bytes);
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One file inside a tar file.
struct TarEntry {
  std::string name;
  std::uint64_t begin = 0;  ///< where its bytes begin in the tar file
  std::uint64_t size = 0;   ///< in bytes

  bool operator==(const TarEntry&) const = default;
};

/// What an uncompressed tar file holds and where, found in one pass over its headers; files are read from
/// their place later, in any order and by several threads, and nothing is ever unpacked.
class TarIndex {
 public:
  /// Error naming the archive and the entry: an absolute name, "..", no name, a name that is no UTF-8 or
  /// holds control characters, a name twice, a link, a device, a sparse file, a size that reaches beyond the
  /// archive. Error, too, when the file is no tar file, cut short, or compressed (unpack it first: there is
  /// no random access to it).
  explicit TarIndex(std::filesystem::path archive);

  /// The regular files in the order of the archive, their names without "./"; folders are passed over.
  const std::vector<TarEntry>& entries() const { return entries_; }
  const std::filesystem::path& path() const { return path_; }

  /// The bytes of one entry. Error when the archive was cut since.
  std::string read(const TarEntry& entry) const;

 private:
  std::filesystem::path path_;
  std::vector<TarEntry> entries_;
};

/// `size` bytes of a file from `begin` on. Error when it is missing or shorter; its length is checked before
/// memory is taken.
std::string read_file_part(const std::filesystem::path& file, std::uint64_t begin, std::uint64_t size);

}  // namespace medisyn
