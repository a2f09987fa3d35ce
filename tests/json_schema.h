// The part of JSON Schema (draft 2020-12) that docs/result.schema.json uses.
#pragma once

#include <regex>
#include <set>
#include <string>
#include <vector>

#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"

namespace medisyn {

/// Collects what a value breaks: "/metrics/fid: expected number".
class JsonSchema {
 public:
  explicit JsonSchema(Json schema) : root_(std::move(schema)) {}

  std::vector<std::string> faults_of(const Json& value) const {
    std::vector<std::string> faults;
    check(root_, value, "", faults);
    return faults;
  }

 private:
  using Faults = std::vector<std::string>;

  static bool has_type(const std::string& type, const Json& value) {
    return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
           (type == "string" && value.is_string()) || (type == "boolean" && value.is_boolean()) ||
           (type == "null" && value.is_null()) || (type == "number" && value.is_number()) ||
           (type == "integer" && value.is_number_integer());
  }

  bool holds(const Json& schema, const Json& value) const {
    Faults faults;
    check(schema, value, "", faults);
    return faults.empty();
  }

  void check(const Json& schema, const Json& value, const std::string& at, Faults& faults) const {
    static const std::set<std::string> kKnown = {
        "$schema",  "$id",     "$defs",   "title",      "description", "type",
        "required", "const",   "enum",    "properties", "items",       "additionalProperties",
        "pattern",  "minimum", "maximum", "$ref",       "allOf",       "anyOf",
        "if",       "then"};
    for (const auto& [key, rule] : schema.items()) {
      if (!kKnown.contains(key)) {
        faults.push_back(at + ": the checker does not know " + key);
      }
    }
    if (schema.contains("$ref")) {
      const auto name = schema["$ref"].get<std::string>();
      check(root_.at(Json::json_pointer(name.substr(1))), value, at, faults);
    }
    check_value(schema, value, at, faults);
    for (const Json& part : schema.value("allOf", Json::array())) {
      check(part, value, at, faults);
    }
    if (schema.contains("anyOf")) {
      bool any = false;
      for (const Json& part : schema["anyOf"]) {
        any = any || holds(part, value);
      }
      if (!any) {
        faults.push_back(at + ": none of anyOf holds");
        check(schema["anyOf"][0], value, at, faults);
      }
    }
    if (schema.contains("if") && holds(schema["if"], value)) {
      check(schema["then"], value, at, faults);
    }
    check_children(schema, value, at, faults);
  }

  static void check_value(const Json& schema, const Json& value, const std::string& at, Faults& faults) {
    if (schema.contains("type")) {
      const Json types = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
      bool fits = false;
      for (const Json& type : types) {
        fits = fits || has_type(type, value);
      }
      if (!fits) {
        faults.push_back(at + ": expected " + schema["type"].dump() + ", found " + value.dump());
      }
    }
    if (schema.contains("const") && value != schema["const"]) {
      faults.push_back(at + ": expected " + schema["const"].dump());
    }
    if (schema.contains("enum")) {
      bool found = false;
      for (const Json& one : schema["enum"]) {
        found = found || one == value;
      }
      if (!found) {
        faults.push_back(at + ": expected one of " + schema["enum"].dump());
      }
    }
    if (schema.contains("pattern") && value.is_string() &&
        !std::regex_search(value.get<std::string>(), std::regex(schema["pattern"].get<std::string>()))) {
      faults.push_back(at + ": expected " + schema["pattern"].dump());
    }
    if (value.is_number() && ((schema.contains("minimum") && value < schema["minimum"]) ||
                              (schema.contains("maximum") && value > schema["maximum"]))) {
      faults.push_back(at + ": out of range");
    }
  }

  void check_children(const Json& schema, const Json& value, const std::string& at, Faults& faults) const {
    if (value.is_array() && schema.contains("items")) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        check(schema["items"], value[i], at + "/" + std::to_string(i), faults);
      }
    }
    if (!value.is_object()) {
      return;
    }
    for (const Json& key : schema.value("required", Json::array())) {
      if (!value.contains(key.get<std::string>())) {
        faults.push_back(at + ": lacks " + key.get<std::string>());
      }
    }
    const Json properties = schema.value("properties", Json::object());
    for (const auto& [key, child] : value.items()) {
      if (properties.contains(key)) {
        check(properties[key], child, at + "/" + key, faults);
      } else if (schema.contains("additionalProperties")) {
        check(schema["additionalProperties"], child, at + "/" + key, faults);
      }
    }
  }

  Json root_;
};

/// What a result.json breaks of docs/result.schema.json.
inline std::vector<std::string> result_faults(const Json& result) {
  static const JsonSchema kSchema(
      Json::parse(read_file(fs::path(MEDISYN_SOURCE) / "docs/result.schema.json")));
  return kSchema.faults_of(result);
}

}  // namespace medisyn
