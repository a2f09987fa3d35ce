// What the files of a tokenizer's folder have in common.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>

namespace medisyn {

constexpr std::int64_t kMaxId = 1 << 20;  ///< of any vocabulary

/// A JSON object of a tokenizer's folder; empty when the file is not there. nlohmann::json and not Json: an
/// ordered object of 49,408 keys takes seconds to fill.
nlohmann::json read_object(const std::filesystem::path& file);

/// The `model` of tokenizer.json, the one file that transformers 5 writes. Error when the file is missing or
/// its model is not of this type ("BPE", "WordPiece").
nlohmann::json read_tokenizer_model(const std::filesystem::path& file, const std::string& type);

/// Token -> id out of a JSON object. Error for an id that is no number from 0 to kMaxId or is given twice.
std::unordered_map<std::string, std::int64_t> vocabulary_in(const nlohmann::json& json,
                                                            const std::filesystem::path& file);

/// A token of tokenizer_config.json or special_tokens_map.json: "x" or {"content": "x", ...}.
std::optional<std::string> token_in(const nlohmann::json& config, const char* key);

/// model_max_length of tokenizer_config.json, or `otherwise`. Error for a number below 2.
std::int64_t max_length_in(const nlohmann::json& config, const std::filesystem::path& file,
                           std::int64_t otherwise);

}  // namespace medisyn
