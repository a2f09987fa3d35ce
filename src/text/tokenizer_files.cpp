#include "tokenizer_files.h"

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {

nlohmann::json read_object(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) {
    return nlohmann::json::object();
  }
  auto json = nlohmann::json::parse(read_file(file), nullptr, false);
  if (!json.is_object()) {
    fail("{}: expected a JSON object", file.string());
  }
  return json;
}

nlohmann::json read_tokenizer_model(const std::filesystem::path& file, const std::string& type) {
  const nlohmann::json json = read_object(file);
  const auto model = json.find("model");
  if (model == json.end() || !model->is_object()) {
    fail("{}: expected a tokenizer with a model", file.string());
  }
  const auto found = model->find("type");
  if (found == model->end() || *found != type) {
    fail("{}: model.type: expected {}, found {}", file.string(), type,
         found == model->end() ? "none" : found->dump());
  }
  return *model;
}

std::unordered_map<std::string, std::int64_t> vocabulary_in(const nlohmann::json& json,
                                                            const std::filesystem::path& file) {
  if (!json.is_object()) {
    fail("{}: expected a vocabulary, {{\"token\": id, ...}}", file.string());
  }
  std::unordered_map<std::string, std::int64_t> vocabulary;
  std::unordered_map<std::int64_t, std::string> names;
  for (const auto& [token, value] : json.items()) {
    if (!value.is_number_integer() || value < 0 || value > kMaxId) {
      fail("{}: {}: expected an id from 0 to {}, found {}", file.string(), token, kMaxId, value.dump());
    }
    const auto id = value.get<std::int64_t>();
    if (const auto [other, is_new] = names.emplace(id, token); !is_new) {
      fail("{}: the id {} is given to both \"{}\" and \"{}\"", file.string(), id, other->second, token);
    }
    vocabulary.emplace(token, id);
  }
  return vocabulary;
}

std::optional<std::string> token_in(const nlohmann::json& config, const char* key) {
  const auto found = config.find(key);
  if (found == config.end()) {
    return std::nullopt;
  }
  const nlohmann::json& value =
      found->is_object() && found->contains("content") ? (*found)["content"] : *found;
  return value.is_string() ? std::optional(value.get<std::string>()) : std::nullopt;
}

std::int64_t max_length_in(const nlohmann::json& config, const std::filesystem::path& file,
                           std::int64_t otherwise) {
  const auto found = config.find("model_max_length");
  // transformers writes 1e30 for "no limit known".
  if (found == config.end() || found->is_null() || (found->is_number() && found->get<double>() > kMaxId)) {
    return otherwise;
  }
  if (!found->is_number_integer() || *found < 2) {
    fail("{}: model_max_length: expected a whole number of at least 2, found {}", file.string(),
         found->dump());
  }
  return found->get<std::int64_t>();
}

}  // namespace medisyn
