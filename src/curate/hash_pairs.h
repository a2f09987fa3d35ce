// Which of many 64-bit hashes differ in few bits, without comparing all with all.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace medisyn {

struct HashPair {
  std::uint32_t a = 0, b = 0;  ///< places in the list, a < b

  bool operator==(const HashPair&) const = default;
};

/// Takes pairs, in an order that depends on the hashes alone.
using HashPairSink = std::function<void(const std::vector<HashPair>&)>;

/// Hands on each pair of `hashes` that differs in at most `max_distance` bits (0..15) once, on all of torch's
/// threads; the sink is called on this one. The hashes are all different and fewer than 2^32.
///
/// Exact multi-index search (Norouzi, Punjani and Fleet 2014, Fast Exact Search in Hamming Space): of t + 1
/// differences shared out among four bands of 16 bits, one band at least gets fewer than its share; so all
/// pairs are found among hashes whose bands differ in t / 4 bits. 1.26 million random hashes at t = 14:
/// 21,000 comparisons each instead of 630,000.
///
/// Hashes that crowd into few bands would make this quadratic. So in each band a hash is compared with at
/// most 65,536 others and taken with some 256 at most. Returns how many comparisons were given up: 0 means
/// that all pairs were found.
std::int64_t find_close_hashes(const std::vector<std::uint64_t>& hashes, int max_distance,
                               const HashPairSink& sink);

}  // namespace medisyn
