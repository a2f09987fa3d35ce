#include "hash_pairs.h"

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "medisyn/curate/workers.h"

namespace medisyn {
namespace {

constexpr int kBands = 4;
constexpr int kBandBits = 16;
constexpr std::size_t kKeys = std::size_t{1} << kBandBits;
constexpr std::size_t kScan = 256;   // hashes that are looked at in one go
constexpr std::int64_t kTask = 256;  // hashes
constexpr std::int64_t kBatch = 64;  // tasks whose pairs are in memory at a time: 67 MB at most

std::size_t key_of(std::uint64_t hash, int band) {
  return (hash >> (kBandBits * (kBands - 1 - band))) & (kKeys - 1);
}

/// How many bits two hashes may differ in, in each band: t + 1 = sum of (radius + 1). -1: the band is not
/// needed.
std::array<int, kBands> radii_of(int max_distance) {
  std::array<int, kBands> radii{};
  for (int band = 0; band < kBands; ++band) {
    radii[static_cast<std::size_t>(band)] =
        (max_distance + 1) / kBands - 1 + (band < (max_distance + 1) % kBands ? 1 : 0);
  }
  return radii;
}

/// All keys with at most so many bits.
std::vector<std::size_t> masks_of(int radius) {
  std::vector<std::size_t> masks;
  for (std::size_t mask = 0; mask < kKeys; ++mask) {
    if (std::popcount(mask) <= radius) {
      masks.push_back(mask);
    }
  }
  return masks;
}

/// The hashes by their key in one band.
struct Band {
  std::vector<std::uint32_t> begin;   // of each key, kKeys + 1
  std::vector<std::uint64_t> hashes;  // by key
  std::vector<std::uint32_t> places;  // in the list
};

Band make_band(const std::vector<std::uint64_t>& hashes, int band) {
  Band made{std::vector<std::uint32_t>(kKeys + 1), std::vector<std::uint64_t>(hashes.size()),
            std::vector<std::uint32_t>(hashes.size())};
  for (const std::uint64_t hash : hashes) {
    ++made.begin[key_of(hash, band) + 1];
  }
  std::partial_sum(made.begin.begin(), made.begin.end(), made.begin.begin());
  std::vector<std::uint32_t> next(made.begin.begin(), made.begin.end() - 1);
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    const std::uint32_t to = next[key_of(hashes[i], band)]++;
    made.hashes[to] = hashes[i];
    made.places[to] = static_cast<std::uint32_t>(i);
  }
  return made;
}

/// Appends the places k of hashes[begin..end) within `distance` bits of `hash`.
[[gnu::always_inline]] inline void scan(const std::uint64_t* hashes, std::size_t begin, std::size_t end,
                                        std::uint64_t hash, int distance, std::vector<std::size_t>& close) {
  for (std::size_t k = begin; k < end; ++k) {
    if (std::popcount(hashes[k] ^ hash) <= distance) {
      close.push_back(k);
    }
  }
}

using Scan = void (*)(const std::uint64_t*, std::size_t, std::size_t, std::uint64_t, int,
                      std::vector<std::size_t>&);

void scan_anywhere(const std::uint64_t* hashes, std::size_t begin, std::size_t end, std::uint64_t hash,
                   int distance, std::vector<std::size_t>& close) {
  scan(hashes, begin, end, hash, distance, close);
}

/// The same with the machine's instruction for counting bits, some five times faster.
#ifdef __x86_64__
[[gnu::target("popcnt")]]
#endif
void scan_popcnt(const std::uint64_t* hashes, std::size_t begin, std::size_t end, std::uint64_t hash,
                 int distance, std::vector<std::size_t>& close) {
  scan(hashes, begin, end, hash, distance, close);
}

Scan best_scan() {
#ifdef __x86_64__
  return __builtin_cpu_supports("popcnt") ? scan_popcnt : scan_anywhere;
#else
  return scan_anywhere;
#endif
}

/// One task's share.
struct Found {
  std::vector<HashPair> pairs;
  std::vector<std::size_t> close;
  std::int64_t given_up = 0;
};

/// What one hash may still cost in one band.
struct Allowance {
  std::int64_t scanned = 65'536;  // others that it is compared with
  std::int64_t close = 256;       // and that are close, up to the end of a part of kScan
};

class BandSearch {
 public:
  BandSearch(const std::vector<std::uint64_t>& hashes, int max_distance, int band)
      : distance_(max_distance),
        band_(band),
        radii_(radii_of(max_distance)),
        masks_(masks_of(radii_[static_cast<std::size_t>(band)])),
        sorted_(make_band(hashes, band)) {}

  std::int64_t run(const HashPairSink& sink) const {
    const auto count = static_cast<std::int64_t>(sorted_.hashes.size());
    const std::int64_t tasks = masks_.empty() ? 0 : (count + kTask - 1) / kTask;
    std::int64_t given_up = 0;
    for (std::int64_t first = 0; first < tasks; first += kBatch) {
      std::vector<Found> found(static_cast<std::size_t>(std::min(kBatch, tasks - first)));
      for_each_parallel(
          std::ssize(found), at::get_num_threads(),
          [&](std::int64_t k) {
            const std::int64_t task = first + k;
            search(task * kTask, std::min((task + 1) * kTask, count), found[static_cast<std::size_t>(k)]);
          },
          [](std::int64_t) {});
      for (const Found& part : found) {
        sink(part.pairs);
        given_up += part.given_up;
      }
    }
    return given_up;
  }

 private:
  /// Hashes begin..end in the band's order against all that stand behind them.
  void search(std::int64_t begin, std::int64_t end, Found& found) const {
    for (std::int64_t i = begin; i < end; ++i) {
      search_one(static_cast<std::size_t>(i), found);
    }
  }

  void search_one(std::size_t i, Found& found) const {
    const std::size_t key = key_of(sorted_.hashes[i], band_);
    Allowance left;
    for (const std::size_t mask : masks_) {
      const std::size_t other = key ^ mask;
      if (other < key) {
        continue;  // found from there
      }
      const std::size_t end = sorted_.begin[other + 1];
      for (std::size_t k = other == key ? i + 1 : sorted_.begin[other]; k < end; k += kScan) {
        if (left.scanned <= 0 || left.close <= 0) {
          found.given_up += static_cast<std::int64_t>(end - k);
          break;
        }
        search_part(i, k, std::min(k + kScan, end), left, found);
      }
    }
  }

  /// Hash i against begin..end.
  void search_part(std::size_t i, std::size_t begin, std::size_t end, Allowance& left, Found& found) const {
    const std::uint64_t hash = sorted_.hashes[i];
    found.close.clear();
    scan_(sorted_.hashes.data(), begin, end, hash, distance_, found.close);
    left.scanned -= static_cast<std::int64_t>(end - begin);
    left.close -= std::ssize(found.close);
    for (const std::size_t k : found.close) {
      if (!is_found_earlier(hash ^ sorted_.hashes[k])) {
        const auto [a, b] = std::minmax(sorted_.places[i], sorted_.places[k]);
        found.pairs.push_back({a, b});
      }
    }
  }

  /// Whether an earlier band finds the pair with these differences, too.
  bool is_found_earlier(std::uint64_t difference) const {
    for (int band = 0; band < band_; ++band) {
      if (std::popcount(key_of(difference, band)) <= radii_[static_cast<std::size_t>(band)]) {
        return true;
      }
    }
    return false;
  }

  int distance_, band_;
  std::array<int, kBands> radii_;
  std::vector<std::size_t> masks_;
  Band sorted_;
  Scan scan_ = best_scan();
};

}  // namespace

std::int64_t find_close_hashes(const std::vector<std::uint64_t>& hashes, int max_distance,
                               const HashPairSink& sink) {
  TORCH_CHECK(max_distance >= 0 && max_distance < kBandBits, "max_distance ", max_distance, " of 0 to 15");
  std::int64_t given_up = 0;
  for (int band = 0; band < kBands; ++band) {
    given_up += BandSearch(hashes, max_distance, band).run(sink);
  }
  return given_up;
}

}  // namespace medisyn
