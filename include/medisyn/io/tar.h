// Tar files, as WebDataset keeps samples: files of one sample stand together and share the name before the
// first dot.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

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

  /// Adds a file. Error, with the path and the system's reason, when it cannot be written.
  void add(const std::string& name, std::string_view bytes);
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace medisyn
