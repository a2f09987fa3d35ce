// Random numbers of a study: the same on every machine, and few lines in any other language.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "medisyn/core/random_key.h"

namespace medisyn {

/// Number i of a purpose is random_key({random_key({seed, hash_text(purpose)}), i}), 32 bits.
class Draw {
 public:
  Draw(std::uint64_t seed, std::string_view purpose) : key_(random_key({seed, hash_text(purpose)})) {}

  std::uint32_t bits() { return random_key({key_, next_++}); }

  /// 0 .. n - 1, for n of 1 to 2^32 - 1.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(std::uint64_t{bits()} * n >> 32U); }

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t left = items.size(); left > 1; --left) {
      std::swap(items[left - 1], items[below(left)]);
    }
  }

 private:
  std::uint64_t key_;
  std::uint64_t next_ = 0;
};

}  // namespace medisyn
