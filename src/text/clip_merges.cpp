#include "clip_merges.h"

#include <zlib.h>

#include <algorithm>
#include <queue>
#include <tuple>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/text/encoding.h"

namespace medisyn {
namespace {

constexpr std::size_t kMaxMergesBytes = std::size_t{64} << 20;

std::string utf8_of(unsigned code) {
  if (code < 0x80) {
    return {static_cast<char>(code)};
  }
  return {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))};
}

bool is_printable_latin1(unsigned byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
}

/// The bytes of a file, unpacked where they are gzip.
std::string read_unpacked(const std::filesystem::path& file) {
  std::string packed = read_file(file);
  if (!packed.starts_with("\x1f\x8b")) {
    return packed;
  }
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) {
    fail("{}: zlib cannot be set up", file.string());
  }
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string text;
  std::array<char, 1 << 16> chunk;
  int status = Z_OK;
  while (status == Z_OK && text.size() <= kMaxMergesBytes) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = chunk.size();
    status = inflate(&stream, Z_NO_FLUSH);
    text.append(chunk.data(), chunk.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END) {
    fail("{}: expected a whole gzip file of at most {} MiB, found one that is cut short, corrupt or larger",
         file.string(), kMaxMergesBytes >> 20);
  }
  return text;
}

std::uint64_t pair_key(std::int64_t left, std::int64_t right) {
  return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint64_t>(right);
}

/// The symbols of a word as a doubly linked list, so that a merge costs no shifting.
struct Symbol {
  std::int64_t id;
  std::int64_t previous;
  std::int64_t next;  ///< -1 at the end; kGone when merged into its left neighbour
};
constexpr std::int64_t kGone = -2;

/// A pair that could be merged: rank, place of its left symbol, ids when it was found.
using Candidate = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>;

}  // namespace

const std::array<unsigned char, 256>& bytes_by_id() {
  static const auto kBytes = [] {
    std::array<unsigned char, 256> bytes{};
    for (unsigned i = 0; i < 256; ++i) {
      bytes[i] = static_cast<unsigned char>(i);
    }
    std::stable_partition(bytes.begin(), bytes.end(), is_printable_latin1);
    return bytes;
  }();
  return kBytes;
}

const std::array<std::string, 256>& byte_symbols() {
  static const auto kSymbols = [] {
    std::array<std::string, 256> symbols;
    unsigned next = 256;
    for (unsigned byte = 0; byte < 256; ++byte) {
      symbols[byte] = utf8_of(is_printable_latin1(byte) ? byte : next++);
    }
    return symbols;
  }();
  return kSymbols;
}

std::string bytes_of_symbols(std::string_view symbols) {
  static const auto kBytes = [] {
    std::unordered_map<std::string, char> bytes;
    for (unsigned byte = 0; byte < 256; ++byte) {
      bytes.emplace(byte_symbols()[byte], static_cast<char>(byte));
    }
    return bytes;
  }();
  std::string text;
  while (!symbols.empty()) {
    // A symbol is one character of one or two bytes.
    const std::size_t length = static_cast<unsigned char>(symbols.front()) < 0x80 ? 1 : 2;
    const auto found = kBytes.find(std::string(symbols.substr(0, length)));
    text += found == kBytes.end() ? '?' : found->second;
    symbols.remove_prefix(std::min(length, symbols.size()));
  }
  return text;
}

Merges read_merges(const std::filesystem::path& file, std::size_t limit) {
  const std::string text = read_unpacked(file);
  Merges merges;
  int line_number = 0;
  for (std::size_t at = 0; at < text.size() && merges.size() < limit;) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    ++line_number;
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    if (line.empty() || (line_number == 1 && line.find("#version") != std::string_view::npos)) {
      continue;
    }
    const std::size_t space = line.find(' ');
    if (space == 0 || space == std::string_view::npos || space + 1 == line.size() ||
        line.rfind(' ') != space) {
      fail("{}:{}: expected two symbols with a space between them, found \"{}\"", file.string(), line_number,
           beginning(line, 60));
    }
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return merges;
}

MergeTable::MergeTable(const std::unordered_map<std::string, std::int64_t>& vocabulary, const Merges& merges,
                       const std::string& name) {
  const auto id_of = [&](const std::string& symbol) {
    const auto found = vocabulary.find(symbol);
    return found == vocabulary.end() ? std::int64_t{-1} : found->second;
  };
  for (unsigned byte = 0; byte < 256; ++byte) {
    inner_[byte] = id_of(byte_symbols()[byte]);
    last_[byte] = id_of(byte_symbols()[byte] + std::string(kWordEnd));
  }
  for (const auto& [left, right] : merges) {
    const std::int64_t left_id = id_of(left), right_id = id_of(right), id = id_of(left + right);
    if (left_id < 0 || right_id < 0 || id < 0) {
      fail("{}: the merge \"{} {}\" needs the symbol \"{}\", which the vocabulary does not have", name, left,
           right,
           left_id < 0    ? left
           : right_id < 0 ? right
                          : left + right);
    }
    results_.emplace(pair_key(left_id, right_id), Result{static_cast<std::int64_t>(results_.size()), id});
  }
  std::vector<std::int64_t> ids;
  for (const auto& [token, id] : vocabulary) {
    if (token.ends_with(kWordEnd)) {
      const std::string word =
          bytes_of_symbols(std::string_view(token).substr(0, token.size() - kWordEnd.size()));
      ids.clear();
      merge_pairs(word, -1, ids);
      if (ids.size() == 1 && ids.front() == id) {
        whole_words_.emplace(word, id);
      }
    }
  }
}

const MergeTable::Result* MergeTable::find(std::int64_t left, std::int64_t right) const {
  const auto found = results_.find(pair_key(left, right));
  return found == results_.end() ? nullptr : &found->second;
}

void MergeTable::merge(std::string_view word, std::int64_t unknown, std::vector<std::int64_t>& ids) const {
  if (const auto whole = whole_words_.find(word); whole != whole_words_.end()) {
    ids.push_back(whole->second);
  } else {
    merge_pairs(word, unknown, ids);
  }
}

void MergeTable::merge_pairs(std::string_view word, std::int64_t unknown,
                             std::vector<std::int64_t>& ids) const {
  std::vector<Symbol> symbols;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const auto byte = static_cast<unsigned char>(word[i]);
    const bool is_last = i + 1 == word.size();
    const std::int64_t id = is_last ? last_[byte] : inner_[byte];
    const auto place = static_cast<std::int64_t>(i);
    symbols.push_back({id < 0 ? unknown : id, place - 1, is_last ? -1 : place + 1});
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto offer = [&](std::int64_t left) {
    if (left < 0 || symbols[left].next < 0) {
      return;
    }
    const std::int64_t left_id = symbols[left].id, right_id = symbols[symbols[left].next].id;
    if (const Result* result = find(left_id, right_id)) {
      candidates.emplace(result->rank, left, left_id, right_id);
    }
  };
  for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
    offer(static_cast<std::int64_t>(i));
  }
  while (!candidates.empty()) {
    const auto [rank, left, left_id, right_id] = candidates.top();
    candidates.pop();
    Symbol& symbol = symbols[left];
    if (symbol.next < 0 || symbol.id != left_id || symbols[symbol.next].id != right_id) {
      continue;  // one of the two was merged with another neighbour in the meantime
    }
    Symbol& gone = symbols[symbol.next];
    symbol.id = find(left_id, right_id)->id;
    symbol.next = gone.next;
    gone.next = kGone;
    if (symbol.next >= 0) {
      symbols[symbol.next].previous = left;
    }
    offer(symbol.previous);
    offer(left);
  }
  for (const Symbol& symbol : symbols) {
    if (symbol.next != kGone) {
      ids.push_back(symbol.id);
    }
  }
}

}  // namespace medisyn
