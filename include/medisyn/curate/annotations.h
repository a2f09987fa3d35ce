// What a video shows when.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "medisyn/curate/item.h"

namespace medisyn {

/// The annotations of an item of this repository; nothing where it has none.
std::optional<std::filesystem::path> annotations_file(const std::filesystem::path& root,
                                                      const RepositoryConfig& repository, const Item& item);

class Annotations {
 public:
  /// Error naming the file: missing, malformed, without a column that the config names, a time that is none.
  Annotations(const AnnotationsConfig& config, const std::filesystem::path& file);

  /// The columns of the row in force at this time; nullptr before the first row and in gaps.
  const Fields* at(double seconds) const;

 private:
  struct Row {
    double begin, end;  ///< seconds
    Fields fields;
  };
  std::vector<Row> rows_;  ///< by begin
};

}  // namespace medisyn
