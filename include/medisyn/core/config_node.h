// A parsed YAML or JSON tree that remembers file and line of each value.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medisyn/core/run_record.h"

namespace medisyn {

struct ConfigNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  using List = std::vector<ConfigNode>;
  using Map = std::vector<std::pair<std::string, ConfigNode>>;

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }

  /// The children; Error naming file, line and `path` when the node is of another kind.
  const List& list(const std::string& path) const;
  const Map& map(const std::string& path) const;

  /// "train.yaml:12"
  std::string where() const;

  /// Error "FILE:LINE: PATH: expected EXPECTED, found ...".
  [[noreturn]] void refuse(const std::string& path, const std::string& expected) const;

  Kind kind = Kind::kNull;
  std::string scalar;
  bool quoted = false;  ///< written in quotes: a string whatever it looks like
  std::shared_ptr<const std::string> file;
  int line = 0;  ///< from 1; 0 for a value of --set
  List items;
  Map entries;
};

/// YAML 1.2, of which JSON is a part. In a file named .yaml or .yml, `include: other.yaml` (beside it) takes
/// the other file's keys and lays the file's own over them, map by map; Error for a missing one, or more than
/// 8 deep. Error with file and line for bad syntax, a duplicate key, anchors that expand without end, or a
/// document deeper than 64 levels.
ConfigNode parse_config_file(const std::filesystem::path& file);
ConfigNode parse_config_text(const std::string& text, const std::string& name);

/// Applies "a.b=c": sets one key, whose value is read as YAML.
void apply_override(ConfigNode& root, const std::string& override_text);

/// Writes JSON data as block-style YAML.
void write_yaml(const std::filesystem::path& path, const Json& value);

/// The candidate nearest to `word` (edit distance of at most a third of its length), or "".
std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace medisyn
