// Files: read whole, write to a temporary name, sync, rename; SHA-256.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace medisyn {

namespace fs = std::filesystem;

/// False, too, where the system does not say: a name that is too long, a folder that may not be entered.
bool is_file(const fs::path& path);

/// Error, naming what is expected ("a tar file"), when no file is there.
void require_file(const fs::path& path, std::string_view expected);

/// The bytes of a file. Error when it is missing or unreadable.
std::string read_file(const fs::path& path);

enum class Sync {
  kFile,  ///< the file survives a power cut once it is written
  kNone,  ///< of many thousand files that a next run makes again, under the same temporary name: a power cut
          ///< may leave some of them empty
};

/// Writes through a temporary name beside the target, which is synced and renamed by commit().
/// Without commit() (an exception, say) nothing is left behind.
class AtomicFile {
 public:
  explicit AtomicFile(fs::path target, Sync sync = Sync::kFile);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Error, with the path and the system's reason (disk full, say), when the bytes cannot be written.
  void write(const void* bytes, std::size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  fs::path target_;
  fs::path temporary_;
  Sync sync_;
  int descriptor_ = -1;
};

/// Error when something is there already: nothing is overwritten in silence.
void require_absent(const fs::path& path);

void write_file(const fs::path& path, std::string_view bytes, Sync sync = Sync::kFile);

/// Adds one line to a log file that grows while a command runs (metrics.jsonl).
void append_line(const fs::path& path, std::string_view line);

/// A folder that is being written under a temporary name beside its place, and gone again unless commit()
/// puts it there.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& target);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const fs::path& path() const { return path_; }

  /// One sync of the file system instead of one for each of many thousand files, then the rename.
  void commit();

 private:
  fs::path target_;
  fs::path path_;
};

/// The folder of a new run, made here; a new one in which nothing came to be is gone again when this goes.
class OutputFolder {
 public:
  /// Error when it already holds another run (a result.json, config.yaml, metrics.jsonl or metadata.jsonl):
  /// an output folder is never mixed or overwritten in silence.
  explicit OutputFolder(fs::path path);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

 private:
  fs::path path_;
  bool was_there_;
};

/// Looks a config up: as given, then in configs/ of the working directory, then in the installed share
/// folder.
fs::path find_config(const fs::path& name);

std::string sha256_hex(std::string_view bytes);
std::string sha256_file(const fs::path& path);

}  // namespace medisyn
