// Random keys: a generator's seed out of (seed, epoch, sample id, purpose).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace medisyn {

/// 64-bit FNV-1a of a text (a sample id, the name of a purpose such as "noise").
std::uint64_t hash_text(std::string_view text);

/// Folds the parts into one 32-bit seed (splitmix64 after each part): torch's CPU generator keeps only the
/// low 32 bits of a seed, so all bits of every part must reach them.
std::uint32_t random_key(std::initializer_list<std::uint64_t> parts);

}  // namespace medisyn
