#include "medisyn/core/config_node.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

using File = std::shared_ptr<const std::string>;

constexpr int kDeepest = 64;
constexpr std::size_t kMostNodes = 1'000'000;

/// Copies a yaml-cpp tree into ConfigNode, with the checks that yaml-cpp leaves out.
class Converter {
 public:
  explicit Converter(File file) : file_(std::move(file)) {}

  ConfigNode convert(const YAML::Node& source, int depth) {
    ConfigNode node;
    node.file = file_;
    node.line = source.Mark().line + 1;
    if (depth > kDeepest || ++count_ > kMostNodes) {
      fail("{}: nested too deeply or too large for a config", node.where());
    }
    if (source.IsMap()) {
      convert_map(source, node, depth);
    } else if (source.IsSequence()) {
      node.kind = ConfigNode::Kind::kList;
      for (const YAML::Node& item : source) {
        node.items.push_back(convert(item, depth + 1));
      }
    } else if (source.IsScalar()) {
      node.kind = ConfigNode::Kind::kScalar;
      node.scalar = source.Scalar();
      node.quoted = source.Tag() == "!";
    }
    return node;
  }

 private:
  void convert_map(const YAML::Node& source, ConfigNode& node, int depth) {
    node.kind = ConfigNode::Kind::kMap;
    std::set<std::string> seen;
    for (const auto& entry : source) {
      if (!entry.first.IsScalar()) {
        fail("{}: a key must be a plain word", node.where());
      }
      const std::string key = entry.first.Scalar();
      ConfigNode child = convert(entry.second, depth + 1);
      child.line = std::max(child.line, entry.first.Mark().line + 1);
      if (!seen.insert(key).second) {
        fail("{}:{}: {}: this key stands twice", *file_, entry.first.Mark().line + 1, key);
      }
      node.entries.emplace_back(key, std::move(child));
    }
  }

  File file_;
  std::size_t count_ = 0;
};

std::string describe(const ConfigNode& node) {
  switch (node.kind) {
    case ConfigNode::Kind::kNull:
      return "nothing";
    case ConfigNode::Kind::kScalar:
      return node.quoted ? "the text \"" + node.scalar + "\"" : node.scalar;
    case ConfigNode::Kind::kList:
      return "a list";
    case ConfigNode::Kind::kMap:
      return "a map";
  }
  return "";
}

/// The child of a map, made when it is not there.
ConfigNode& child_of(ConfigNode& map, const std::string& key) {
  for (auto& [name, child] : map.entries) {
    if (name == key) {
      return child;
    }
  }
  return map.entries.emplace_back(key, ConfigNode{}).second;
}

}  // namespace

const ConfigNode::List& ConfigNode::list(const std::string& path) const {
  if (kind != Kind::kList) {
    refuse(path, "a list");
  }
  return items;
}

const ConfigNode::Map& ConfigNode::map(const std::string& path) const {
  if (kind != Kind::kMap) {
    refuse(path, "a map of keys");
  }
  return entries;
}

std::string ConfigNode::where() const { return line > 0 ? fmt::format("{}:{}", *file, line) : *file; }

void ConfigNode::refuse(const std::string& path, const std::string& expected) const {
  fail("{}: {}expected {}, found {}", where(), path.empty() ? "" : path + ": ", expected, describe(*this));
}

ConfigNode parse_config_text(const std::string& text, const std::string& name) {
  const auto file = std::make_shared<const std::string>(name);
  try {
    return Converter(file).convert(YAML::Load(text), 0);
  } catch (const YAML::Exception& error) {
    fail("{}:{}: not valid YAML: {}", name, error.mark.line + 1, error.msg);
  }
}

namespace {

constexpr int kMostIncludes = 8;  ///< one within the other

/// Keys of `over` stand in the place of those of `base`, maps being joined key by key.
void lay_over(ConfigNode& base, ConfigNode over) {
  if (base.kind != ConfigNode::Kind::kMap || over.kind != ConfigNode::Kind::kMap) {
    base = std::move(over);
    return;
  }
  for (auto& [key, value] : over.entries) {
    lay_over(child_of(base, key), std::move(value));
  }
}

/// `include: other.yaml` in a YAML file, beside it: its keys, and over them the file's own.
ConfigNode parse_with_includes(const fs::path& file, int depth) {
  ConfigNode root = parse_config_text(read_file(file), file.string());
  const bool is_yaml = file.extension() == ".yaml" || file.extension() == ".yml";
  const auto include = std::find_if(root.entries.begin(), root.entries.end(),
                                    [](const auto& entry) { return entry.first == "include"; });
  if (!is_yaml || include == root.entries.end()) {
    return root;
  }
  if (!include->second.is_scalar()) {
    include->second.refuse("include", "the name of a YAML file");
  }
  if (depth >= kMostIncludes) {
    fail("{}: include: more than {} files, one in the other: does one include itself?",
         include->second.where(), kMostIncludes);
  }
  const fs::path other = file.parent_path() / include->second.scalar;
  if (!fs::is_regular_file(other)) {
    fail("{}: include: {}: no such file", include->second.where(), other.string());
  }
  ConfigNode base = parse_with_includes(other, depth + 1);
  root.entries.erase(include);
  lay_over(base, std::move(root));
  return base;
}

}  // namespace

ConfigNode parse_config_file(const fs::path& file) { return parse_with_includes(file, 0); }

void apply_override(ConfigNode& root, const std::string& override_text) {
  const std::string name = "--set " + override_text;
  const std::size_t equals = override_text.find('=');
  if (equals == std::string::npos || equals == 0) {
    fail("{}: expected key=value", name);
  }
  ConfigNode* node = &root;
  std::string path = override_text.substr(0, equals);
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t dot = std::min(path.find('.', start), path.size());
    if (node->is_null()) {
      node->kind = ConfigNode::Kind::kMap;
      node->file = std::make_shared<const std::string>(name);
    }
    node->map(path.substr(0, start == 0 ? 0 : start - 1));
    node = &child_of(*node, path.substr(start, dot - start));
    start = dot + 1;
  }
  *node = parse_config_text(override_text.substr(equals + 1), name);
  node->line = 0;
}

std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(word.size() / 3, 2) + 1;
  for (const std::string& candidate : candidates) {
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 1; i <= word.size(); ++i) {
      std::size_t diagonal = std::exchange(row[0], i);
      for (std::size_t j = 1; j <= candidate.size(); ++j) {
        const std::size_t replaced = diagonal + (word[i - 1] == candidate[j - 1] ? 0 : 1);
        diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
      }
    }
    if (row.back() < best_distance && row.back() < candidate.size()) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

}  // namespace medisyn
