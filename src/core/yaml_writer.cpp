#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "medisyn/core/config_node.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

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
    out << value.dump();  // booleans and numbers are spelled as in JSON
  }
}

}  // namespace

void write_yaml(const fs::path& path, const Json& value) {
  YAML::Emitter out;
  emit(out, value);
  write_file(path, std::string(out.c_str(), out.size()) + "\n");
}

}  // namespace medisyn
