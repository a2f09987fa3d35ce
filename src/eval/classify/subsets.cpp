#include "medisyn/eval/classify/subsets.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <numeric>

#include "medisyn/core/error.h"
#include "medisyn/core/random_key.h"

namespace medisyn {
namespace {

constexpr double kRounding = 1e-9;  // 7.5 % of 40 are 3, whatever the last bit says

/// What is drawn as a whole: an image, or all images of a group.
struct Unit {
  std::string id;
  std::vector<std::size_t> members;
};

using Strata = std::map<std::string, std::vector<Unit>>;

/// The stratum of most of a group's images; of equally many the first by name.
std::string stratum_of(const Unit& unit, const std::vector<SubsetItem>& items) {
  std::map<std::string, int> counts;
  for (const std::size_t member : unit.members) {
    ++counts[items[member].stratum];
  }
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

Strata strata_of(const std::vector<SubsetItem>& items, const ClassifySubsetsConfig& config) {
  std::map<std::string, Unit> units;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string& id = config.by_patient ? items[i].group : items[i].id;
    Unit& unit = units[id];
    unit.id = id;
    unit.members.push_back(i);
  }
  Strata strata;
  for (auto& [id, unit] : units) {
    strata[config.stratified ? stratum_of(unit, items) : ""].push_back(std::move(unit));
  }
  return strata;
}

/// In the order in which units are taken. Independent parts have an order each.
void order_units(Strata& strata, std::uint64_t seed, std::uint64_t part) {
  for (auto& [stratum, units] : strata) {
    std::vector<std::pair<std::uint32_t, std::size_t>> order;
    for (std::size_t i = 0; i < units.size(); ++i) {
      order.emplace_back(random_key({seed, part, hash_text(stratum), hash_text(units[i].id)}), i);
    }
    std::sort(order.begin(), order.end());
    std::vector<Unit> shuffled;
    for (const auto& [key, i] : order) {
      shuffled.push_back(std::move(units[i]));
    }
    units = std::move(shuffled);
  }
}

std::int64_t images_of(const std::vector<Unit>& units) {
  return std::accumulate(units.begin(), units.end(), std::int64_t{0},
                         [](std::int64_t sum, const Unit& unit) { return sum + std::ssize(unit.members); });
}

/// The first units, until their images come nearest to `quota`.
void take(const std::vector<Unit>& units, std::int64_t quota, std::vector<std::size_t>& members) {
  std::int64_t taken = 0;
  for (const Unit& unit : units) {
    const std::int64_t next = taken + std::ssize(unit.members);
    if (quota == 0 || (taken > 0 && std::abs(next - quota) >= std::abs(taken - quota))) {
      return;
    }
    members.insert(members.end(), unit.members.begin(), unit.members.end());
    taken = next;
  }
}

double share(double fraction, std::int64_t count) { return fraction / 100 * static_cast<double>(count); }

std::int64_t rounded(double value, const std::string& rounding) {
  return rounding == "floor"  ? static_cast<std::int64_t>(std::floor(value + kRounding))
         : rounding == "ceil" ? static_cast<std::int64_t>(std::ceil(value - kRounding))
                              : std::llround(value);
}

/// `size` images in proportion to the strata, the largest remainders rounded up.
std::vector<std::int64_t> apportion(const std::vector<std::int64_t>& strata, std::int64_t size,
                                    const std::vector<std::int64_t>& least) {
  const auto all = static_cast<double>(std::accumulate(strata.begin(), strata.end(), std::int64_t{0}));
  std::vector<std::int64_t> counts;
  std::vector<double> quotas;
  for (std::size_t s = 0; s < strata.size(); ++s) {
    quotas.push_back(static_cast<double>(size) * static_cast<double>(strata[s]) / all);
    const auto whole = static_cast<std::int64_t>(std::floor(quotas[s] + kRounding));
    counts.push_back(std::max(whole, least.empty() ? 0 : least[s]));
  }
  // One at a time, where a stratum is furthest below or above its share.
  for (std::int64_t sum = std::accumulate(counts.begin(), counts.end(), std::int64_t{0}); sum != size;) {
    const bool adds = sum < size;
    std::optional<std::size_t> best;
    for (std::size_t s = 0; s < strata.size(); ++s) {
      const bool may = adds ? counts[s] < strata[s] : counts[s] > (least.empty() ? 0 : least[s]);
      const auto lack = [&](std::size_t i) { return quotas[i] - static_cast<double>(counts[i]); };
      if (may && (!best || (adds ? lack(s) > lack(*best) : lack(s) < lack(*best)))) {
        best = s;
      }
    }
    counts[best.value()] += adds ? 1 : -1;
    sum += adds ? 1 : -1;
  }
  return counts;
}

}  // namespace

std::vector<std::int64_t> allocate(const std::vector<std::int64_t>& strata, double fraction,
                                   std::optional<std::int64_t> size, const std::string& rounding,
                                   const std::vector<std::int64_t>& least) {
  const std::int64_t all = std::accumulate(strata.begin(), strata.end(), std::int64_t{0});
  if (size || rounding == "total") {
    const std::int64_t total = size.value_or(std::llround(share(fraction, all)));
    if (total > all) {
      fail("subsets.sizes: {} images for {} %, and the training set has {}", total, fraction, all);
    }
    return apportion(strata, total, least);
  }
  std::vector<std::int64_t> counts;
  for (const std::int64_t count : strata) {
    counts.push_back(rounded(share(fraction, count), rounding));
  }
  return counts;
}

std::vector<std::vector<std::size_t>> draw_subsets(const std::vector<SubsetItem>& items,
                                                   const ClassifySubsetsConfig& config, std::uint64_t seed) {
  Strata strata = strata_of(items, config);
  std::vector<std::int64_t> sizes;
  for (const auto& [name, units] : strata) {
    sizes.push_back(images_of(units));
  }
  std::vector<std::vector<std::size_t>> subsets;
  std::vector<std::int64_t> before;
  for (std::size_t f = 0; f < config.fractions.size(); ++f) {
    std::vector<std::size_t> members;
    const double fraction = config.fractions[f];
    if (fraction == 100) {
      members.resize(items.size());
      std::iota(members.begin(), members.end(), std::size_t{0});
    } else {
      const auto size = config.sizes.empty() ? std::nullopt : std::optional(config.sizes[f]);
      const std::vector<std::int64_t> quotas = allocate(sizes, fraction, size, config.rounding, before);
      order_units(strata, seed, config.nested ? 0 : f + 1);
      std::size_t s = 0;
      for (const auto& [name, units] : strata) {
        take(units, quotas[s++], members);
      }
      before = config.nested ? quotas : std::vector<std::int64_t>();
      std::sort(members.begin(), members.end());
    }
    subsets.push_back(std::move(members));
  }
  return subsets;
}

}  // namespace medisyn
