#include "stratify.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <utility>

namespace medisyn {
namespace {

using Count = std::int64_t;

/// A stratum's say: (1 - sum of the squared shares of its groups) / images^(3/4).
/// The first factor is 0 for a stratum of one group, which no choice can divide, and near 1 for many groups.
/// The power lies between 1, with which each class of two patients keeps the first to training, whatever that
/// makes of the whole (1000 such classes: 93 % instead of 80 %; here 82 %), and 1/2, with which the whole's
/// passing lacks, while large groups are placed, disturb small classes (twice the mean deviation of
/// classes with 100 groups or more).
double weight_of(double images, double squares) {
  constexpr double kPower = 0.75;
  return images > 0 ? (1.0 - squares / (images * images)) / std::pow(images, kPower) : 0.0;
}

class Stratifier {
 public:
  Stratifier(StratifiedGroups& groups, const std::vector<double>& ratio)
      : groups_(groups),
        placed_(groups.strata),
        free_images_(groups.strata),
        weight_(groups.strata),
        size_(groups.sides.size()) {
    const double sum = std::accumulate(ratio.begin(), ratio.end(), 0.0);
    for (std::size_t side = 0; side < kSides; ++side) {
      wanted_[side] = ratio[side] / sum;
    }
    std::vector<double> images(groups.strata), squares(groups.strata);
    for (std::size_t group = 0; group < groups.sides.size(); ++group) {
      const bool is_free = groups.sides[group] == Side::kFree;
      for_shares(group, [&](const StratumShare& share) {
        images[share.stratum] += share.images;
        squares[share.stratum] += static_cast<double>(share.images) * share.images;
        free_images_[share.stratum] += is_free ? share.images : 0;
        size_[group] = std::max(size_[group], share.images);
      });
      if (!is_free) {
        place(group, groups.sides[group]);
      }
    }
    for (std::size_t stratum = 0; stratum < groups.strata; ++stratum) {
      weight_[stratum] = weight_of(images[stratum], squares[stratum]);
    }
  }

  void run() {
    order_ = free_groups();
    for (const Index group : order_) {
      // The seed chooses among the six orders in which the sides are asked.
      const std::uint32_t draw = groups_.draws[group];
      const Side side = choose(group, static_cast<Side>(draw % kSides), 1 + draw / kSides % 2);
      groups_.sides[group] = side;
      place(group, side);
    }
    for (int pass = 0; pass < kPasses; ++pass) {
      improve();
    }
  }

 private:
  /// They halve the mean deviation of classes with 100 groups or more; further ones change little.
  static constexpr int kPasses = 3;

  struct Placed {
    std::array<Count, kSides> images{};
    Count total = 0;
  };

  template <class Visit>
  void for_shares(std::size_t group, Visit visit) const {
    for (Index i = groups_.begin[group]; i < groups_.begin[group + 1]; ++i) {
      visit(groups_.shares[i]);
    }
  }

  void place(std::size_t group, Side side, Count times = 1) {
    for_shares(group, [&](const StratumShare& share) {
      placed_[share.stratum].images[static_cast<std::size_t>(side)] += times * share.images;
      placed_[share.stratum].total += times * share.images;
    });
  }

  /// Takes each group out again and puts it where it serves best now that all are placed.
  void improve() {
    for (const Index group : order_) {
      Side& side = groups_.sides[group];
      place(group, side, -1);
      side = choose(group, side, 1);
      place(group, side);
    }
  }

  /// [classes]: the place of each among all, the one with the fewest free images first.
  std::vector<Index> rank_classes() const {
    std::vector<Index> classes(groups_.classes);
    std::iota(classes.begin(), classes.end(), Index{0});
    std::stable_sort(classes.begin(), classes.end(),
                     [&](Index a, Index b) { return free_images_[a] < free_images_[b]; });
    std::vector<Index> rank(groups_.classes);
    for (std::size_t i = 0; i < classes.size(); ++i) {
      rank[classes[i]] = static_cast<Index>(i);
    }
    return rank;
  }

  /// In the order in which they choose: by their rarest class; in it the largest first.
  std::vector<Index> free_groups() const {
    struct Turn {
      Index rank = kNone;
      Index images = 0;  ///< in that class
    };
    const std::vector<Index> rank = rank_classes();
    std::vector<Turn> turns(groups_.sides.size());
    std::vector<Index> order;
    for (std::size_t group = 0; group < turns.size(); ++group) {
      if (groups_.sides[group] != Side::kFree) {
        continue;
      }
      order.push_back(static_cast<Index>(group));
      for_shares(group, [&](const StratumShare& share) {
        if (share.stratum < groups_.classes && rank[share.stratum] < turns[group].rank) {
          turns[group] = {rank[share.stratum], share.images};
        }
      });
    }
    const auto key = [&](Index group) {
      return std::tuple(turns[group].rank, ~turns[group].images, ~size_[group], groups_.draws[group],
                        std::string_view(groups_.names[group]));
    };
    std::sort(order.begin(), order.end(), [&](Index a, Index b) { return key(a) < key(b); });
    return order;
  }

  /// How much the side has beyond its part once the group is counted: sum_j w_j c_j (a_js - p_s (m_j + c_j))
  /// over the strata j of the group. On the side where this is least, the group makes
  /// sum_js w_j (a_js - p_s m_j)^2 least. c_j: its images in j; a_js: those placed on side s; m_j: on any
  /// side; w_j: the stratum's weight; p_s: what the ratio gives s.
  double excess(Index group, std::size_t side) const {
    double sum = 0.0;
    for_shares(group, [&](const StratumShare& share) {
      const Placed& placed = placed_[share.stratum];
      const double wanted = wanted_[side] * static_cast<double>(placed.total + share.images);
      sum += weight_[share.stratum] * share.images * (static_cast<double>(placed.images[side]) - wanted);
    });
    return sum;
  }

  /// The side that lacks most. Among equals the one to which the ratio gives most (a study of one patient is
  /// for training), then the one that is asked first.
  Side choose(Index group, Side first, std::size_t step) const {
    auto best = static_cast<std::size_t>(first);
    double least = excess(group, best);
    for (std::size_t i = 1; i < kSides; ++i) {
      const std::size_t side = (static_cast<std::size_t>(first) + i * step) % kSides;
      const double own = excess(group, side);
      if (std::pair(own, -wanted_[side]) < std::pair(least, -wanted_[best])) {
        best = side;
        least = own;
      }
    }
    return static_cast<Side>(best);
  }

  StratifiedGroups& groups_;
  std::array<double, kSides> wanted_{};
  std::vector<Placed> placed_;      // [strata]
  std::vector<Count> free_images_;  // [strata]: of groups whose side is to be chosen
  std::vector<double> weight_;      // [strata]
  std::vector<Index> size_;         // [groups]: images in the largest stratum, which is the group's whole
  std::vector<Index> order_;        // of the free groups
};

}  // namespace

void stratify(StratifiedGroups& groups, const std::vector<double>& ratio) { Stratifier(groups, ratio).run(); }

}  // namespace medisyn
