// Configs: a plain struct whose static fields(self, visit) names each key once; reading (YAML and JSON),
// writing,
// --set overrides and did-you-mean are templates over that list.
//
//   struct NoiseConfig {
//     double beta_start = 0.00085;
//     std::string beta_schedule = "scaled_linear";
//     template <class Self, class Visit>
//     static void fields(Self& self, Visit& visit) {
//       visit("beta_start", self.beta_start, in_range(0, 1));
//       visit("beta_schedule", self.beta_schedule, one_of({"linear", "scaled_linear"}));
//       visit.fixed("clip_sample", false);   // a key of the reference whose other values we cannot honour
//       visit.ignored("_class_name");        // a key that carries no meaning for us
//     }
//   };
//   auto config = read_config<NoiseConfig>("noise.yaml", {"beta_start=0.001"});
//
// A value may be bool, int64_t, double, std::string, std::filesystem::path, std::optional<T>, std::vector<T>,
// std::map<std::string, T> or another such struct. Unknown key, duplicate key, wrong type and out of range
// are an Error with file, line and key.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medisyn/core/config_node.h"
#include "medisyn/core/error.h"
#include "medisyn/core/run_record.h"

namespace medisyn {

/// What a value must satisfy beyond its type.
struct Rule {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices = {};
  bool is_required = false;
  bool takes_scalar = false;  ///< a list may be written as one scalar (`attention_head_dim: 8`)
};

inline Rule in_range(double least, double most) { return {.least = least, .most = most}; }
inline Rule at_least(double least) { return {.least = least}; }
inline Rule one_of(std::vector<std::string> choices) { return {.choices = std::move(choices)}; }
inline Rule required() { return {.is_required = true}; }
inline Rule scalar_or_list() { return {.takes_scalar = true}; }

class ConfigReader;
class ConfigWriter;

template <class T>
concept ConfigStruct = requires(T value, ConfigWriter& writer) {
  T::fields(value, writer);
};

/// Visitor that fills a struct from one map node.
class ConfigReader {
 public:
  /// `prefix` is the dotted path of the map inside the file, "" at the top.
  ConfigReader(const ConfigNode& map, std::string prefix);

  template <class T>
  void operator()(std::string_view key, T& value, const Rule& rule = {}) {
    const ConfigNode* node = take(key, rule.is_required);
    if (node != nullptr) {
      assign(*node, path_of(key), value, rule);
    }
  }
  template <class T>
  void fixed(std::string_view key, const T& only) {
    T value = only;
    (*this)(key, value);
    if (value != only) {
      refuse_fixed(key, fmt::format("{}", only));
    }
  }
  /// A key of the reference that must be null or absent.
  void fixed_null(std::string_view key) {
    const ConfigNode* node = take(key, false);
    if (node != nullptr && !node->is_null()) {
      refuse_fixed(key, "null");
    }
  }
  void ignored(std::string_view key) { take(key, false); }

  /// Error for the first key that no field asked for, with the nearest known key; then for the first required
  /// key that is missing.
  void finish() const;

 private:
  const ConfigNode* take(std::string_view key, bool is_required);
  std::string path_of(std::string_view key) const;
  [[noreturn]] void refuse_fixed(std::string_view key, const std::string& only) const;

  static void assign(const ConfigNode& node, const std::string& path, bool& value, const Rule& rule);
  static void assign(const ConfigNode& node, const std::string& path, std::int64_t& value, const Rule& rule);
  static void assign(const ConfigNode& node, const std::string& path, double& value, const Rule& rule);
  static void assign(const ConfigNode& node, const std::string& path, std::string& value, const Rule& rule);
  static void assign(const ConfigNode& node, const std::string& path, std::filesystem::path& value,
                     const Rule& rule);

  template <class T>
  static void assign(const ConfigNode& node, const std::string& path, std::optional<T>& value,
                     const Rule& rule) {
    if (node.is_null()) {
      value.reset();
    } else {
      assign(node, path, value.emplace(), rule);
    }
  }
  template <class T>
  static void assign(const ConfigNode& node, const std::string& path, std::vector<T>& value,
                     const Rule& rule) {
    value.clear();
    if (rule.takes_scalar && node.is_scalar()) {
      assign(node, path, value.emplace_back(), rule);
      return;
    }
    for (std::size_t i = 0; i < node.list(path).size(); ++i) {
      T item{};
      assign(node.list(path)[i], fmt::format("{}[{}]", path, i), item, rule);
      value.push_back(std::move(item));
    }
  }
  template <class T>
  static void assign(const ConfigNode& node, const std::string& path, std::map<std::string, T>& value,
                     const Rule& rule) {
    value.clear();
    for (const auto& [key, child] : node.map(path)) {
      assign(child, path + "." + key, value[key], rule);
    }
  }
  template <ConfigStruct T>
  static void assign(const ConfigNode& node, const std::string& path, T& value, const Rule&) {
    node.map(path);
    ConfigReader reader(node, path);
    T::fields(value, reader);
    reader.finish();
  }

  const ConfigNode& map_;
  std::string prefix_;
  std::vector<std::string> known_;
  std::vector<std::string> missing_;
};

/// Visitor that writes a struct as a JSON object, keys in declared order; an empty optional becomes null.
class ConfigWriter {
 public:
  template <class T>
  void operator()(std::string_view key, const T& value, const Rule& rule = {}) {
    json[std::string(key)] = to_value(value, rule);
  }
  template <class T>
  void fixed(std::string_view key, const T& only) {
    json[std::string(key)] = only;
  }
  void fixed_null(std::string_view key) { json[std::string(key)] = nullptr; }
  void ignored(std::string_view) {}

  Json json = Json::object();

 private:
  template <class T>
  static Json to_value(const T& value, const Rule&) {
    if constexpr (ConfigStruct<T>) {
      ConfigWriter writer;
      T::fields(value, writer);
      return writer.json;
    } else if constexpr (std::same_as<T, std::filesystem::path>) {
      return value.string();
    } else {
      return value;
    }
  }
  template <class T>
  static Json to_value(const std::optional<T>& value, const Rule& rule) {
    return value ? to_value(*value, rule) : Json(nullptr);
  }
  template <class T>
  static Json to_value(const std::vector<T>& value, const Rule& rule) {
    if (rule.takes_scalar && value.size() == 1) {
      return to_value(value.front(), rule);
    }
    Json list = Json::array();
    for (const T& item : value) {
      list.push_back(to_value(item, rule));
    }
    return list;
  }
  template <class T>
  static Json to_value(const std::map<std::string, T>& value, const Rule& rule) {
    Json map = Json::object();
    for (const auto& [key, item] : value) {
      map[key] = to_value(item, rule);
    }
    return map;
  }
};

/// A struct out of a parsed tree.
template <ConfigStruct C>
C config_from_node(const ConfigNode& root) {
  C config;
  root.map("");
  ConfigReader reader(root, "");
  C::fields(config, reader);
  reader.finish();
  return config;
}

/// A struct out of a YAML or JSON file, with `--set a.b=c` overrides applied before it is read.
template <ConfigStruct C>
C read_config(const std::filesystem::path& file, const std::vector<std::string>& overrides = {}) {
  ConfigNode root = parse_config_file(file);
  for (const std::string& override_text : overrides) {
    apply_override(root, override_text);
  }
  return config_from_node<C>(root);
}

template <ConfigStruct C>
Json config_to_json(const C& config) {
  ConfigWriter writer;
  C::fields(config, writer);
  return writer.json;
}

/// The resolved config, as it is written into every output folder.
template <ConfigStruct C>
void write_config_yaml(const std::filesystem::path& path, const C& config) {
  write_yaml(path, config_to_json(config));
}

}  // namespace medisyn
