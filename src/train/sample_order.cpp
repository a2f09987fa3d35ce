#include "medisyn/train/sample_order.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "medisyn/core/error.h"
#include "medisyn/core/random_key.h"

namespace medisyn {
namespace {

/// Fisher-Yates with a stated generator: std::shuffle's use of it differs between standard libraries.
template <class T>
void shuffle(std::vector<T>& items, std::uint32_t seed) {
  std::mt19937 generator(seed);
  for (std::size_t left = items.size(); left > 1; --left) {
    const std::size_t chosen = (static_cast<std::uint64_t>(generator()) * left) >> 32U;
    std::swap(items[left - 1], items[chosen]);
  }
}

/// Shares of `total` in whole numbers: rounded down, the rest to the largest remainders.
std::vector<std::int64_t> apportion(const std::vector<double>& shares, std::int64_t total) {
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  std::vector<std::int64_t> counts;
  std::vector<std::pair<double, std::size_t>> remainders;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const double exact = shares[i] / sum * static_cast<double>(total);
    counts.push_back(static_cast<std::int64_t>(std::floor(exact)));
    remainders.emplace_back(std::floor(exact) - exact, i);
  }
  std::sort(remainders.begin(), remainders.end());
  const std::int64_t left = total - std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  for (std::int64_t i = 0; i < left; ++i) {
    ++counts[remainders[static_cast<std::size_t>(i)].second];
  }
  return counts;
}

}  // namespace

std::uint32_t SampleDraw::key(std::string_view purpose) const {
  return random_key({seed, static_cast<std::uint64_t>(epoch), id_hash, static_cast<std::uint64_t>(repeat),
                     hash_text(purpose)});
}

SampleOrder::SampleOrder(std::vector<std::string> ids, std::vector<std::string> types,
                         const std::map<std::string, double>& balance, std::uint64_t seed,
                         std::int64_t batch_size)
    : ids_(std::move(ids)), seed_(seed), batch_size_(batch_size) {
  std::map<std::string, std::vector<std::int64_t>> by_type;
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    by_type[balance.empty() ? "" : types[i]].push_back(static_cast<std::int64_t>(i));
  }
  std::vector<double> shares;
  for (const auto& [type, share] : balance.empty() ? std::map<std::string, double>{{"", 1.0}} : balance) {
    if (!by_type.contains(type)) {
      fail("data.balance: {}: no training image is of this type", type);
    }
    groups_.push_back(by_type[type]);
    shares.push_back(share);
  }
  if (std::accumulate(shares.begin(), shares.end(), 0.0) <= 0) {
    fail("data.balance: all shares are 0");
  }
  quotas_ = apportion(shares, epoch_size());
}

const std::vector<SampleDraw>& SampleOrder::epoch_draws(std::int64_t epoch) {
  if (epoch == cached_epoch_) {
    return cached_;
  }
  cached_.clear();
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    // A group's images follow one another through all epochs, in a new order each time round.
    const auto size = static_cast<std::int64_t>(groups_[g].size());
    std::int64_t round = -1;
    std::int64_t first_round = 0;
    std::vector<std::int64_t> order;
    for (std::int64_t n = epoch * quotas_[g]; n < (epoch + 1) * quotas_[g]; ++n) {
      if (n / size != round) {
        first_round = round < 0 ? n / size : first_round;
        round = n / size;
        order = groups_[g];
        shuffle(order, random_key({seed_, hash_text("round"), g, static_cast<std::uint64_t>(round)}));
      }
      const std::int64_t index = order[static_cast<std::size_t>(n % size)];
      cached_.push_back({.index = index,
                         .epoch = epoch,
                         .repeat = round - first_round,
                         .id_hash = hash_text(ids_[static_cast<std::size_t>(index)]),
                         .seed = seed_});
    }
  }
  shuffle(cached_, random_key({seed_, hash_text("epoch"), static_cast<std::uint64_t>(epoch)}));
  cached_epoch_ = epoch;
  return cached_;
}

std::vector<SampleDraw> SampleOrder::batch(std::int64_t step) {
  const auto& draws = epoch_draws(step / steps_per_epoch());
  const std::int64_t first = step % steps_per_epoch() * batch_size_;
  const std::int64_t last = std::min(first + batch_size_, epoch_size());
  return {draws.begin() + first, draws.begin() + last};
}

std::vector<SampleDraw> share_of(const std::vector<SampleDraw>& draws, std::int64_t rank,
                                 std::int64_t world) {
  const std::int64_t count = std::ssize(draws);
  return {draws.begin() + count * rank / world, draws.begin() + count * (rank + 1) / world};
}

}  // namespace medisyn
