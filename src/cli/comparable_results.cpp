#include "comparable_results.h"

#include <map>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

/// What two results of an evaluation must have in common, in "metrics".
const std::map<std::string, std::vector<std::string>>& common_keys() {
  static const std::map<std::string, std::vector<std::string>> kKeys = {
      {"fid",
       {"extractor", "weights_sha256", "mode", "resize", "normalisation", "n_real", "n_generated",
        "real_formats", "generated_formats"}},
      {"msssim", {"definition", "scales", "resize", "formats"}},
      {"memorization",
       {"extractor", "weights_sha256", "mode", "resize", "normalisation", "top_k", "image_pixels",
        "n_training", "n_generated"}}};
  return kKeys;
}

/// A value as it is compared and shown; of {"png": 10} the names alone.
std::string text_of(const Json& metrics, const std::string& key) {
  const Json value = metrics.value(key, Json());
  if (!value.is_object()) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  }
  std::string names;
  for (const auto& [name, count] : value.items()) {
    names += (names.empty() ? "" : " ") + name;
  }
  return names;
}

}  // namespace

std::string evaluation_of(const Json& result) {
  const auto command = result.value("command", std::string());
  const std::string name = command.substr(command.rfind(' ') + 1);
  const bool has_score = result.contains("metrics") && result.at("metrics").is_object();
  return has_score && command.starts_with("medisyn eval ") && common_keys().contains(name) ? name : "";
}

void check_comparable(const std::vector<NamedResult>& results) {
  const NamedResult& first = results.at(0);
  const std::string evaluation = evaluation_of(first.result);
  for (const NamedResult& other : results) {
    const std::string its = evaluation_of(other.result);
    if (its.empty()) {
      fail("{}: expected a result of eval fid, msssim or memorization, found one of '{}'", other.name,
           other.result.value("command", std::string()));
    }
    if (its != evaluation) {
      fail("{}: a result of eval {}, but {} is one of eval {}: they cannot stand in one table", other.name,
           its, first.name, evaluation);
    }
    for (const std::string& key : common_keys().at(evaluation)) {
      const std::string found = text_of(other.result.at("metrics"), key);
      const std::string expected = text_of(first.result.at("metrics"), key);
      if (found != expected) {
        fail("{}: {}: made with '{}', {} with '{}': they cannot stand in one table", other.name, key, found,
             first.name, expected);
      }
    }
  }
}

}  // namespace medisyn
