// Byte-pair merges: the tables of a CLIP vocabulary and the cut of one word.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace medisyn {

inline constexpr std::string_view kStartOfText = "<|startoftext|>";
inline constexpr std::string_view kEndOfText = "<|endoftext|>";
inline constexpr std::string_view kWordEnd = "</w>";

/// The visible character that stands for each byte in vocab.json and merges.txt, as UTF-8 (GPT-2's mapping:
/// printable Latin-1 is itself, the others follow U+0100 on).
const std::array<std::string, 256>& byte_symbols();

/// What the visible characters of a token stand for; "?" for one that stands for no byte.
std::string bytes_of_symbols(std::string_view symbols);

/// The bytes in the order of their ids: printable Latin-1 first.
const std::array<unsigned char, 256>& bytes_by_id();

using Merges = std::vector<std::pair<std::string, std::string>>;  ///< by rank

/// Reads merges.txt or bpe_simple_vocab_16e6.txt(.gz): an optional line with "#version", then one pair a
/// line. At most `limit` pairs are taken. Error FILE:LINE for a line that is no pair.
Merges read_merges(const std::filesystem::path& file, std::size_t limit);

/// Which ids make which, and in what order.
class MergeTable {
 public:
  /// Error naming `name` when a part or a result of a merge is not in the vocabulary.
  MergeTable(const std::unordered_map<std::string, std::int64_t>& vocabulary, const Merges& merges,
             const std::string& name);

  /// Appends the ids of one word (UTF-8 bytes of normalised text): its bytes, the last one with the end mark,
  /// merged pair by pair, lowest rank and then leftmost first. A byte without a symbol in the vocabulary
  /// becomes `unknown`.
  void merge(std::string_view word, std::int64_t unknown, std::vector<std::int64_t>& ids) const;

 private:
  struct Result {
    std::int64_t rank;
    std::int64_t id;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  const Result* find(std::int64_t left, std::int64_t right) const;
  void merge_pairs(std::string_view word, std::int64_t unknown, std::vector<std::int64_t>& ids) const;

  std::unordered_map<std::uint64_t, Result> results_;  ///< left id in the upper half, right id in the lower
  /// Words whose merges end in one token: most of a text, found in one step.
  std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>> whole_words_;
  std::array<std::int64_t, 256> inner_{};  ///< id of a byte, -1 where the vocabulary has none
  std::array<std::int64_t, 256> last_{};   ///< the same at the end of a word
};

}  // namespace medisyn
