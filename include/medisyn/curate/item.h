// What a repository holds before anything of it is opened: its files (or members of its tar files), each with
// the columns that a table gives it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "medisyn/curate/config.h"

namespace medisyn {

/// One row of a table: values by column. Only the columns that the config names are kept.
class Fields {
 public:
  using Names = std::shared_ptr<const std::vector<std::string>>;
  Fields() = default;
  Fields(Names names, std::vector<std::string> values)
      : names_(std::move(names)), values_(std::move(values)) {}

  /// nullptr when there is no such column.
  const std::string* find(std::string_view column) const;
  const std::vector<std::string>& values() const { return values_; }

 private:
  Names names_;
  std::vector<std::string> values_;
};

struct Item {
  std::filesystem::path file = {};
  std::string below = {};  ///< its path below the repository's folder (of a member: archive/member), with '/'
  std::string stem = {};   ///< the same without extensions
  std::string id = {};     ///< REPOSITORY-stem in lower case, digits and dashes; no other item has it
  std::uint64_t begin = 0;  ///< of a tar's member: where its bytes are in `file`
  std::uint64_t size = 0;   ///< of a tar's member; 0: the whole file
  std::string fault = {};   ///< why it must not be opened
  Fields fields = {};
};

/// Lower-case letters, digits and single dashes.
std::string slug(std::string_view name);

/// All items of a repository in a fixed order, whatever the file system's. `filtered_out` counts the rows
/// that `where` left out. A path that leaves the repository's folder, holds control characters or is longer
/// than 1024 bytes is a fault. Error: a path, a table or a column is missing, nothing is left.
std::vector<Item> list_items(const CurateConfig& config, const RepositoryConfig& repository,
                             std::int64_t& filtered_out);

}  // namespace medisyn
