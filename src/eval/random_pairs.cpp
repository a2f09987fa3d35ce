#include "medisyn/eval/random_pairs.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <set>

#include "medisyn/core/random_key.h"

namespace medisyn {
namespace {

/// Uniform whole numbers that are the same with every standard library.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : generator_(random_key({seed, hash_text("pairs")})) {}

  std::int64_t operator()(std::int64_t below) {
    const std::uint64_t high = generator_();
    return static_cast<std::int64_t>(high * static_cast<std::uint64_t>(below) >> 32U);
  }

 private:
  std::mt19937 generator_;
};

std::int64_t pairs_of(std::int64_t members) { return members * (members - 1) / 2; }

/// Pair number k of (0, 1), (0, 2), (1, 2), (0, 3), ...
IndexPair pair_at(std::int64_t k) {
  auto b = static_cast<std::int64_t>((1 + std::sqrt(1 + 8 * static_cast<double>(k))) / 2);
  b -= pairs_of(b) > k ? 1 : 0;  // the root may be rounded to the next whole number
  b += pairs_of(b + 1) <= k ? 1 : 0;
  return {k - pairs_of(b), b};
}

std::vector<IndexPair> all_pairs(std::int64_t n) {
  std::vector<IndexPair> pairs;
  for (std::int64_t a = 0; a < n; ++a) {
    for (std::int64_t b = a + 1; b < n; ++b) {
      pairs.emplace_back(a, b);
    }
  }
  return pairs;
}

std::vector<std::int64_t> shuffled(std::int64_t n, Draw& draw) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (std::int64_t left = n; left > 1; --left) {
    std::swap(order[static_cast<std::size_t>(left - 1)], order[static_cast<std::size_t>(draw(left))]);
  }
  return order;
}

}  // namespace

std::vector<IndexPair> random_pairs(std::int64_t n, std::int64_t count, std::uint64_t seed) {
  TORCH_CHECK(n >= 2 && count >= (n + 1) / 2, count, " pairs cannot hold each of ", n, " members");
  if (count >= pairs_of(n)) {
    return all_pairs(n);
  }
  Draw draw(seed);
  std::vector<IndexPair> pairs;
  std::set<IndexPair> seen;
  const auto add = [&](std::int64_t a, std::int64_t b) {
    const IndexPair pair = std::minmax(a, b);
    if (a != b && seen.insert(pair).second) {
      pairs.push_back(pair);
    }
  };
  const std::vector<std::int64_t> order = shuffled(n, draw);
  for (std::size_t i = 0; i < order.size(); i += 2) {
    add(order[i], order[i + 1 < order.size() ? i + 1 : 0]);
  }
  while (static_cast<std::int64_t>(pairs.size()) < count) {
    const std::int64_t a = draw(n);
    add(a, draw(n));
  }
  return pairs;
}

std::vector<IndexPair> random_pairs_within(const std::vector<std::vector<std::int64_t>>& groups,
                                           std::int64_t count, std::uint64_t seed) {
  std::vector<std::int64_t> ends;  // of each group's pairs, when all stand in a row
  std::int64_t total = 0;
  for (const auto& group : groups) {
    total += pairs_of(std::ssize(group));
    ends.push_back(total);
  }
  const auto pair_number = [&](std::int64_t number) -> IndexPair {
    const auto group = std::upper_bound(ends.begin(), ends.end(), number) - ends.begin();
    const std::vector<std::int64_t>& members = groups[static_cast<std::size_t>(group)];
    const auto [a, b] =
        pair_at(number - (ends[static_cast<std::size_t>(group)] - pairs_of(std::ssize(members))));
    return {members[static_cast<std::size_t>(a)], members[static_cast<std::size_t>(b)]};
  };
  std::vector<IndexPair> pairs;
  if (count >= total) {
    for (std::int64_t number = 0; number < total; ++number) {
      pairs.push_back(pair_number(number));
    }
    return pairs;
  }
  std::mt19937_64 generator(random_key({seed, hash_text("pairs of one text")}));
  std::set<std::int64_t> seen;
  while (std::ssize(pairs) < count) {
    const auto number = static_cast<std::int64_t>(generator() % static_cast<std::uint64_t>(total));
    if (seen.insert(number).second) {
      pairs.push_back(pair_number(number));
    }
  }
  return pairs;
}

}  // namespace medisyn
