// Damaged copies of a file, the same ones in every run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace medisyn {

/// Seeded, so that a failure can be had again from its number.
class Mutations {
 public:
  explicit Mutations(std::uint32_t seed) : generator_(seed) {}

  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : generator_() % limit; }

  /// Cut off somewhere, at least one byte short.
  std::string truncated(std::string_view bytes) { return std::string(bytes.substr(0, below(bytes.size()))); }

  /// One to eight bits flipped among the first `limit` bytes.
  std::string flipped(std::string bytes, std::size_t limit) {
    for (std::size_t flips = 1 + below(8); flips > 0 && limit > 0; --flips) {
      bytes[below(limit)] ^= static_cast<char>(1U << below(8));
    }
    return bytes;
  }

  /// A stretch of up to 16 bytes among the first `limit` replaced by random ones.
  std::string overwritten(std::string bytes, std::size_t limit) {
    const std::size_t at = below(limit);
    for (std::size_t i = at; i < bytes.size() && i < at + 1 + below(16); ++i) {
      bytes[i] = static_cast<char>(below(256));
    }
    return bytes;
  }

  /// Every `from` replaced by `to`.
  static std::string replaced(std::string bytes, std::string_view from, std::string_view to) {
    for (std::size_t at = bytes.find(from); at != std::string::npos; at = bytes.find(from, at + to.size())) {
      bytes.replace(at, from.size(), to);
    }
    return bytes;
  }

 private:
  std::mt19937 generator_;
};

}  // namespace medisyn
