#include "medisyn/text/clip_tokenizer.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "clip_merges.h"
#include "clip_normalise.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"
#include "tokenizer_files.h"

namespace medisyn {
namespace {

using Vocabulary = std::unordered_map<std::string, std::int64_t>;

constexpr std::int64_t kPublishedMaxLength = 77;
/// Vocabulary of the published models: 49,152 less the bytes and the two marks.
constexpr std::size_t kPublishedMerges = 49152 - 256 - 2;

/// The pairs of tokenizer.json: ["a", "b"], or "a b" as older files have it.
Merges merges_in(const nlohmann::json& json, const std::filesystem::path& file) {
  if (!json.is_array()) {
    fail("{}: model.merges: expected a list", file.string());
  }
  Merges merges;
  for (const nlohmann::json& entry : json) {
    if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string()) {
      merges.emplace_back(entry[0].get<std::string>(), entry[1].get<std::string>());
      continue;
    }
    const std::string pair = entry.is_string() ? entry.get<std::string>() : "";
    const std::size_t space = pair.find(' ');
    if (space == std::string::npos) {
      fail("{}: model.merges[{}]: expected a pair, found {}", file.string(), merges.size(), entry.dump());
    }
    merges.emplace_back(pair.substr(0, space), pair.substr(space + 1));
  }
  return merges;
}

/// What vocab.json and merges.txt hold, or tokenizer.json where it stands alone.
std::pair<Vocabulary, Merges> read_tables(const std::filesystem::path& folder) {
  const auto single = folder / "tokenizer.json";
  if (!std::filesystem::exists(folder / "vocab.json") && std::filesystem::exists(single)) {
    const nlohmann::json model = read_tokenizer_model(single, "BPE");
    return {vocabulary_in(model.value("vocab", nlohmann::json()), single),
            merges_in(model.value("merges", nlohmann::json()), single)};
  }
  const auto file = folder / "vocab.json";
  if (!std::filesystem::exists(file)) {
    fail("{}: no such file; expected a CLIP vocabulary, {{\"token\": id, ...}}", file.string());
  }
  return {vocabulary_in(read_object(file), file),
          read_merges(folder / "merges.txt", std::numeric_limits<std::size_t>::max())};
}

/// OpenAI's order: bytes, bytes at a word's end, merges by rank, start and end of text.
Vocabulary vocabulary_of(const Merges& merges, const std::filesystem::path& file) {
  Vocabulary vocabulary;
  const auto add = [&](const std::string& token) {
    if (!vocabulary.emplace(token, static_cast<std::int64_t>(vocabulary.size())).second) {
      fail("{}: two merges make the same symbol \"{}\"", file.string(), token);
    }
  };
  for (const unsigned char byte : bytes_by_id()) {
    add(byte_symbols()[byte]);
  }
  for (const unsigned char byte : bytes_by_id()) {
    add(byte_symbols()[byte] + std::string(kWordEnd));
  }
  for (const auto& [left, right] : merges) {
    add(left + right);
  }
  add(std::string(kStartOfText));
  add(std::string(kEndOfText));
  return vocabulary;
}

}  // namespace

struct ClipTokenizer::Tables {
  Tables(Vocabulary the_vocabulary, Merges the_merges, const std::string& name)
      : vocabulary(std::move(the_vocabulary)),
        merges(std::move(the_merges)),
        table(vocabulary, merges, name) {
    for (const auto& [token, id] : vocabulary) {
      size = std::max(size, id + 1);
    }
    tokens.resize(static_cast<std::size_t>(size));
    for (const auto& [token, id] : vocabulary) {
      tokens[static_cast<std::size_t>(id)] = token;
    }
  }

  std::int64_t id_of(const std::string& token, const std::string& where) const {
    const auto found = vocabulary.find(token);
    if (found == vocabulary.end()) {
      fail("{}: the vocabulary has no token \"{}\"", where, token);
    }
    return found->second;
  }

  Vocabulary vocabulary;
  Merges merges;
  MergeTable table;
  std::int64_t size = 0;
  std::vector<std::string> tokens;  ///< by id
};

ClipTokenizer::ClipTokenizer(std::shared_ptr<const Tables> tables, std::int64_t model_max_length,
                             const std::string& pad_token)
    : tables_(std::move(tables)),
      model_max_length_(model_max_length),
      start_id_(tables_->id_of(std::string(kStartOfText), "tokenizer")),
      end_id_(tables_->id_of(std::string(kEndOfText), "tokenizer")),
      pad_id_(tables_->id_of(pad_token, "padding token")) {}

ClipTokenizer ClipTokenizer::load(const std::filesystem::path& folder) {
  const auto config_file = folder / "tokenizer_config.json";
  auto [vocabulary, merges] = read_tables(folder);
  for (const std::string_view token : {kStartOfText, kEndOfText}) {
    if (!vocabulary.contains(std::string(token))) {
      fail("{}: expected CLIP's token {} among the {} of the vocabulary", folder.string(), token,
           vocabulary.size());
    }
  }
  const nlohmann::json config = read_object(config_file);
  const nlohmann::json map = read_object(folder / "special_tokens_map.json");
  std::string pad_token =
      token_in(config, "pad_token").value_or(token_in(map, "pad_token").value_or(std::string(kEndOfText)));
  if (!vocabulary.contains(pad_token)) {
    fail("{}: pad_token: \"{}\" is not in the vocabulary", config_file.string(), pad_token);
  }
  auto tables = std::make_shared<const Tables>(std::move(vocabulary), std::move(merges), folder.string());
  return ClipTokenizer(std::move(tables), max_length_in(config, config_file, kPublishedMaxLength), pad_token);
}

ClipTokenizer ClipTokenizer::from_merges(const std::filesystem::path& file, std::int64_t model_max_length) {
  if (model_max_length < 2) {
    fail("model_max_length {}: expected at least 2, for start and end of text", model_max_length);
  }
  Merges merges = read_merges(file, kPublishedMerges);
  Vocabulary vocabulary = vocabulary_of(merges, file);
  auto tables = std::make_shared<const Tables>(std::move(vocabulary), std::move(merges), file.string());
  return ClipTokenizer(std::move(tables), model_max_length, std::string(kEndOfText));
}

std::int64_t ClipTokenizer::vocab_size() const { return tables_->size; }

std::vector<std::int64_t> ClipTokenizer::tokens(std::string_view text) const {
  std::vector<std::int64_t> ids;
  const auto add_words = [&](std::string_view part) {
    const std::string normalised = clip_normalise(part);
    for (const std::string_view word : clip_words(normalised)) {
      tables_->table.merge(word, end_id_, ids);
    }
  };
  // Marks written out in the text are marks, as in transformers: the words between them are cut on their own.
  // That includes the padding token, which is "!" in Stable Diffusion 2.
  const std::array<std::int64_t, 3> marks{start_id_, end_id_, pad_id_};
  while (!text.empty()) {
    std::size_t first = std::string_view::npos;
    std::int64_t mark = 0;
    for (const std::int64_t id : marks) {
      if (const std::size_t at = text.find(tables_->tokens[static_cast<std::size_t>(id)]); at < first) {
        first = at;
        mark = id;
      }
    }
    add_words(text.substr(0, first));
    if (first == std::string_view::npos) {
      break;
    }
    ids.push_back(mark);
    text.remove_prefix(first + tables_->tokens[static_cast<std::size_t>(mark)].size());
  }
  return ids;
}

Encoding ClipTokenizer::encode_with_loss(std::string_view text) const {
  std::vector<std::int64_t> ids = tokens(text);
  const auto room = static_cast<std::size_t>(model_max_length_ - 2);
  const std::size_t kept = std::min(ids.size(), room);
  Encoding encoding;
  encoding.lost_tokens = static_cast<std::int64_t>(ids.size() - kept);
  encoding.lost_text = spell(std::span(ids).subspan(kept));
  encoding.ids.reserve(kept + 2);
  encoding.ids.push_back(start_id_);
  encoding.ids.insert(encoding.ids.end(), ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(kept));
  encoding.ids.push_back(end_id_);
  return encoding;
}

std::string ClipTokenizer::spell(std::span<const std::int64_t> ids) const {
  std::string text;
  for (const std::int64_t id : ids) {
    std::string_view token = tables_->tokens[static_cast<std::size_t>(id)];
    const bool ends_word = token.ends_with(kWordEnd);
    if (ends_word) {
      token.remove_suffix(kWordEnd.size());
    }
    text += bytes_of_symbols(token);
    text += ends_word ? " " : "";
  }
  if (text.ends_with(' ')) {
    text.pop_back();
  }
  return text;
}

std::vector<std::int64_t> ClipTokenizer::encode_padded(std::string_view text) const {
  std::vector<std::int64_t> ids = encode(text);
  ids.resize(static_cast<std::size_t>(model_max_length_), pad_id_);
  return ids;
}

void ClipTokenizer::save(const std::filesystem::path& folder) const {
  std::filesystem::create_directories(folder);
  std::string vocabulary = "{";
  for (std::size_t id = 0; id < tables_->tokens.size(); ++id) {
    const std::string& token = tables_->tokens[id];
    if (!token.empty()) {
      vocabulary +=
          fmt::format("{}{}: {}", vocabulary.size() > 1 ? ", " : "", nlohmann::json(token).dump(), id);
    }
  }
  write_file(folder / "vocab.json", vocabulary + "}\n");
  std::string merges = "#version: 0.2\n";
  for (const auto& [left, right] : tables_->merges) {
    merges += left + ' ' + right + '\n';
  }
  write_file(folder / "merges.txt", merges);

  Json special = Json::object();
  special["bos_token"] = kStartOfText;
  special["eos_token"] = kEndOfText;
  special["pad_token"] = tables_->tokens[static_cast<std::size_t>(pad_id_)];
  special["unk_token"] = kEndOfText;
  write_file(folder / "special_tokens_map.json", special.dump(2) + "\n");
  Json config = special;
  config["add_prefix_space"] = false;
  config["do_lower_case"] = true;
  config["errors"] = "replace";
  config["model_max_length"] = model_max_length_;
  config["tokenizer_class"] = "CLIPTokenizer";
  write_file(folder / "tokenizer_config.json", config.dump(2) + "\n");
}

}  // namespace medisyn
