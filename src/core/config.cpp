#include "medisyn/core/config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace medisyn {
namespace {

void check_range(const ConfigNode& node, const std::string& path, double value, const Rule& rule) {
  if (value >= rule.least && value <= rule.most) {
    return;
  }
  if (std::isinf(rule.most)) {
    node.refuse(path, fmt::format("a number of at least {}", rule.least));
  }
  node.refuse(path, fmt::format("a number from {} to {}", rule.least, rule.most));
}

/// Reads the whole scalar as a number; false when anything is left over.
template <class T>
bool parse_number(const ConfigNode& node, T& value) {
  const std::string& text = node.scalar;
  const char* first = text.data() + (text.starts_with('+') ? 1 : 0);
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(first, last, value);
  return node.is_scalar() && !node.quoted && error == std::errc() && end == last;
}

}  // namespace

ConfigReader::ConfigReader(const ConfigNode& map, std::string prefix)
    : map_(map), prefix_(std::move(prefix)) {}

const ConfigNode* ConfigReader::take(std::string_view key, bool is_required) {
  known_.emplace_back(key);
  for (const auto& [name, child] : map_.entries) {
    if (name == key) {
      return &child;
    }
  }
  if (is_required) {
    missing_.emplace_back(key);
  }
  return nullptr;
}

std::string ConfigReader::path_of(std::string_view key) const {
  return prefix_.empty() ? std::string(key) : fmt::format("{}.{}", prefix_, key);
}

void ConfigReader::refuse_fixed(std::string_view key, const std::string& only) const {
  const ConfigNode* node = &map_;
  for (const auto& [name, child] : map_.entries) {
    if (name == key) {
      node = &child;
    }
  }
  node->refuse(path_of(key), only + " (other values are not supported)");
}

void ConfigReader::finish() const {
  for (const auto& [name, child] : map_.entries) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) {
      continue;
    }
    const std::string near = nearest_word(name, known_);
    fail("{}: {}: unknown key{}", child.where(), path_of(name),
         near.empty() ? "" : fmt::format("; did you mean {}?", near));
  }
  if (!missing_.empty()) {
    fail("{}: {}: this key is missing and has no default", map_.where(), path_of(missing_.front()));
  }
}

void ConfigReader::assign(const ConfigNode& node, const std::string& path, bool& value, const Rule&) {
  if (!node.is_scalar() || node.quoted || (node.scalar != "true" && node.scalar != "false")) {
    node.refuse(path, "true or false");
  }
  value = node.scalar == "true";
}

void ConfigReader::assign(const ConfigNode& node, const std::string& path, std::int64_t& value,
                          const Rule& rule) {
  if (!parse_number(node, value)) {
    node.refuse(path, "a whole number");
  }
  check_range(node, path, static_cast<double>(value), rule);
}

void ConfigReader::assign(const ConfigNode& node, const std::string& path, double& value, const Rule& rule) {
  if (!parse_number(node, value) || !std::isfinite(value)) {
    node.refuse(path, "a number");
  }
  check_range(node, path, value, rule);
}

void ConfigReader::assign(const ConfigNode& node, const std::string& path, std::string& value,
                          const Rule& rule) {
  if (!node.is_scalar()) {
    node.refuse(path, "a text");
  }
  const bool is_listed =
      std::find(rule.choices.begin(), rule.choices.end(), node.scalar) != rule.choices.end();
  if (!rule.choices.empty() && !is_listed) {
    const std::string near = nearest_word(node.scalar, rule.choices);
    node.refuse(path, fmt::format("one of {}", fmt::join(rule.choices, ", ")) +
                          (near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
  }
  value = node.scalar;
}

void ConfigReader::assign(const ConfigNode& node, const std::string& path, std::filesystem::path& value,
                          const Rule&) {
  if (!node.is_scalar() || node.scalar.empty()) {
    node.refuse(path, "a path");
  }
  value = node.scalar;
}

}  // namespace medisyn
