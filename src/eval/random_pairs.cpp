#include "medisyn/eval/random_pairs.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>

#include "medisyn/core/random_key.h"

namespace medisyn {
namespace {

using Pair = std::pair<std::int64_t, std::int64_t>;

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

std::vector<Pair> all_pairs(std::int64_t n) {
  std::vector<Pair> pairs;
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

std::vector<Pair> random_pairs(std::int64_t n, std::int64_t count, std::uint64_t seed) {
  TORCH_CHECK(n >= 2 && count >= (n + 1) / 2, count, " pairs cannot hold each of ", n, " members");
  if (count >= n * (n - 1) / 2) {
    return all_pairs(n);
  }
  Draw draw(seed);
  std::vector<Pair> pairs;
  std::set<Pair> seen;
  const auto add = [&](std::int64_t a, std::int64_t b) {
    const Pair pair = std::minmax(a, b);
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

}  // namespace medisyn
