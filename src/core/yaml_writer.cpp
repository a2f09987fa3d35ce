#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "medisyn/core/config_node.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

/// As in JSON, but 5e-05 with a point: to a reader of YAML 1.1 (Python's) it is a text without one.
std::string spell(const Json& value) {
  std::string text = value.dump();
  const std::size_t exponent = text.find('e');
  if (value.is_number_float() && exponent != std::string::npos && text.find('.') == std::string::npos) {
    text.insert(exponent, ".0");
  }
  return text;
}

void emit(YAML::Emitter& out, const Json& value) {
  if (value.is_object()) {
    out << YAML::BeginMap;
    for (const auto& [key, child] : value.items()) {
      out << YAML::Key << key << YAML::Value;
      emit(out, child);
    }
    out << YAML::EndMap;
  } else if (value.is_array()) {
    const bool is_flat =
        std::none_of(value.begin(), value.end(), [](const Json& item) { return item.is_structured(); });
    out << (is_flat ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
    for (const Json& item : value) {
      emit(out, item);
    }
    out << YAML::EndSeq;
  } else if (value.is_null()) {
    out << YAML::Null;
  } else if (value.is_string()) {
    out << YAML::DoubleQuoted << value.get<std::string>();
  } else {
    out << spell(value);
  }
}

}  // namespace

void write_yaml(const fs::path& path, const Json& value) {
  YAML::Emitter out;
  emit(out, value);
  write_file(path, std::string(out.c_str(), out.size()) + "\n");
}

}  // namespace medisyn
