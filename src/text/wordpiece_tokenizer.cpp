#include "medisyn/text/wordpiece_tokenizer.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <unordered_map>

#include "bert_normalise.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"
#include "tokenizer_files.h"

namespace medisyn {
namespace {

constexpr std::string_view kContinuation = "##";
constexpr std::size_t kLongestWord = 100;  ///< characters; a longer word is [UNK], as in the reference
/// In the order of ids that Tables keeps.
constexpr std::array<std::string_view, 4> kMarks = {"[UNK]", "[CLS]", "[SEP]", "[PAD]"};
constexpr std::string_view kMask = "[MASK]";

bool is_continuation_byte(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::size_t count_code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation_byte(c); }));
}

/// vocab.txt: one token a line, by id.
std::vector<std::string> tokens_of_lines(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) {
    fail("{}: no such file; expected a WordPiece vocabulary, one token a line", file.string());
  }
  std::vector<std::string> tokens;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) {
      line.pop_back();
    }
    tokens.push_back(std::move(line));
    if (static_cast<std::int64_t>(tokens.size()) > kMaxId) {
      fail("{}: expected at most {} lines", file.string(), kMaxId);
    }
  }
  return tokens;
}

/// tokenizer.json. Error when ids are left out.
std::vector<std::string> tokens_of_model(const std::filesystem::path& file) {
  const nlohmann::json model = read_tokenizer_model(file, "WordPiece");
  const auto vocabulary = vocabulary_in(model.value("vocab", nlohmann::json()), file);
  std::vector<std::string> tokens(vocabulary.size());
  for (const auto& [token, id] : vocabulary) {
    if (id >= static_cast<std::int64_t>(tokens.size())) {
      fail("{}: \"{}\" has the id {}, and there are {} tokens: ids are left out", file.string(), token, id,
           tokens.size());
    }
    tokens[static_cast<std::size_t>(id)] = token;
  }
  return tokens;
}

}  // namespace

struct WordPieceTokenizer::Tables {
  Tables(std::vector<std::string> the_tokens, bool lowers, const std::string& file)
      : tokens(std::move(the_tokens)), lower_case(lowers) {
    for (std::size_t id = 0; id < tokens.size(); ++id) {
      const auto [other, is_new] = ids.emplace(tokens[id], static_cast<std::int64_t>(id));
      if (!is_new) {
        fail("{}:{}: \"{}\" stands in line {} already", file, id + 1, tokens[id], other->second + 1);
      }
      longest = std::max(longest, tokens[id].size());
    }
    for (std::size_t i = 0; i < kMarks.size(); ++i) {
      const auto found = ids.find(kMarks[i]);
      if (found == ids.end()) {
        fail("{}: expected BERT's token {} among the {} of the file", file, kMarks[i], tokens.size());
      }
      marks[i] = found->second;
    }
  }

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  std::int64_t unknown() const { return marks[0]; }
  std::int64_t start() const { return marks[1]; }
  std::int64_t end() const { return marks[2]; }
  std::int64_t pad() const { return marks[3]; }

  std::vector<std::string> tokens;  ///< by id
  bool lower_case;
  std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>> ids;
  std::size_t longest = 0;  ///< bytes
  std::array<std::int64_t, kMarks.size()> marks{};
};

WordPieceTokenizer::WordPieceTokenizer(std::shared_ptr<const Tables> tables, std::int64_t model_max_length)
    : tables_(std::move(tables)), model_max_length_(model_max_length) {
  if (model_max_length < 2) {
    fail("model_max_length {}: expected at least 2, for [CLS] and [SEP]", model_max_length);
  }
}

WordPieceTokenizer WordPieceTokenizer::load(const std::filesystem::path& folder,
                                            std::int64_t model_max_length) {
  const bool is_single =
      !std::filesystem::exists(folder / "vocab.txt") && std::filesystem::exists(folder / "tokenizer.json");
  const auto vocabulary_file = folder / (is_single ? "tokenizer.json" : "vocab.txt");
  std::vector<std::string> tokens =
      is_single ? tokens_of_model(vocabulary_file) : tokens_of_lines(vocabulary_file);
  const auto config_file = folder / "tokenizer_config.json";
  const nlohmann::json config = read_object(config_file);
  const auto lowers = config.find("do_lower_case");
  if (lowers != config.end() && !lowers->is_boolean()) {
    fail("{}: do_lower_case: expected true or false, found {}", config_file.string(), lowers->dump());
  }
  auto tables = std::make_shared<const Tables>(
      std::move(tokens), lowers == config.end() || lowers->get<bool>(), vocabulary_file.string());
  return WordPieceTokenizer(std::move(tables), max_length_in(config, config_file, model_max_length));
}

WordPieceTokenizer WordPieceTokenizer::with_max_length(std::int64_t model_max_length) const {
  return WordPieceTokenizer(tables_, model_max_length);
}

std::int64_t WordPieceTokenizer::vocab_size() const {
  return static_cast<std::int64_t>(tables_->tokens.size());
}
std::int64_t WordPieceTokenizer::pad_id() const { return tables_->pad(); }

void WordPieceTokenizer::add_words(std::string_view text, std::vector<std::int64_t>& ids) const {
  const std::string normalised = bert_normalise(text, tables_->lower_case);
  std::string piece;
  for (const std::string_view word : bert_words(normalised)) {
    const std::size_t before = ids.size();
    bool is_known = count_code_points(word) <= kLongestWord;
    for (std::size_t at = 0; is_known && at < word.size();) {
      std::size_t length = std::min(word.size() - at, tables_->longest);
      is_known = false;
      for (; length > 0; --length) {
        if (at + length < word.size() && is_continuation_byte(word[at + length])) {
          continue;
        }
        piece.assign(at > 0 ? kContinuation : "").append(word.substr(at, length));
        if (const auto found = tables_->ids.find(piece); found != tables_->ids.end()) {
          ids.push_back(found->second);
          is_known = true;
          break;
        }
      }
      at += length;
    }
    if (!is_known) {
      ids.resize(before);
      ids.push_back(tables_->unknown());
    }
  }
}

std::vector<std::int64_t> WordPieceTokenizer::tokens(std::string_view text) const {
  std::vector<std::int64_t> ids;
  // Marks written out in the text are marks, as in transformers.
  while (!text.empty()) {
    std::size_t first = std::string_view::npos;
    std::string_view mark;
    const auto look_for = [&](std::string_view candidate) {
      if (const std::size_t at = text.find(candidate); at < first) {
        first = at;
        mark = candidate;
      }
    };
    std::for_each(kMarks.begin(), kMarks.end(), look_for);
    if (tables_->ids.contains(kMask)) {
      look_for(kMask);
    }
    add_words(text.substr(0, first), ids);
    if (first == std::string_view::npos) {
      break;
    }
    ids.push_back(tables_->ids.find(mark)->second);
    text.remove_prefix(first + mark.size());
  }
  return ids;
}

Encoding WordPieceTokenizer::encode_with_loss(std::string_view text) const {
  std::vector<std::int64_t> ids = tokens(text);
  const std::size_t kept = std::min(ids.size(), static_cast<std::size_t>(model_max_length_ - 2));
  Encoding encoding;
  encoding.lost_tokens = static_cast<std::int64_t>(ids.size() - kept);
  for (std::size_t i = kept; i < ids.size(); ++i) {
    std::string_view token = tables_->tokens[static_cast<std::size_t>(ids[i])];
    if (token.starts_with(kContinuation)) {
      token.remove_prefix(kContinuation.size());
    } else if (i > kept) {
      encoding.lost_text += ' ';
    }
    encoding.lost_text += token;
  }
  ids.resize(kept);
  ids.insert(ids.begin(), tables_->start());
  ids.push_back(tables_->end());
  encoding.ids = std::move(ids);
  return encoding;
}

std::vector<std::int64_t> WordPieceTokenizer::encode_padded(std::string_view text) const {
  std::vector<std::int64_t> ids = encode(text);
  ids.resize(static_cast<std::size_t>(model_max_length_), tables_->pad());
  return ids;
}

void WordPieceTokenizer::save(const std::filesystem::path& folder) const {
  std::filesystem::create_directories(folder);
  std::string vocabulary;
  for (const std::string& token : tables_->tokens) {
    vocabulary += token;
    vocabulary += '\n';
  }
  write_file(folder / "vocab.txt", vocabulary);
  Json config = Json::object();
  config["tokenizer_class"] = "BertTokenizer";
  config["do_lower_case"] = tables_->lower_case;
  config["model_max_length"] = model_max_length_;
  config["unk_token"] = kMarks[0];
  config["cls_token"] = kMarks[1];
  config["sep_token"] = kMarks[2];
  config["pad_token"] = kMarks[3];
  config["mask_token"] = kMask;
  write_file(folder / "tokenizer_config.json", config.dump(2) + "\n");
}

}  // namespace medisyn
