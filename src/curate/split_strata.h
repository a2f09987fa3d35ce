// The strata of a split: the classes of each repository, the repositories, and the whole.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "split_links.h"
#include "stratify.h"

namespace medisyn {

using ClassName = std::pair<std::string_view, std::string_view>;  // repository, label

class SplitStrata {
 public:
  /// Of the images that are neither dropped nor left out.
  SplitStrata(const SplitNodes& nodes, const SplitGroups& groups, const std::vector<bool>& is_dropped);

  /// [groups]: how many there are.
  const std::vector<Index>& images() const { return images_; }

  /// The shares of every group; names and draws are left to the caller. `fixed`: the sides that repositories
  /// give; kFree elsewhere. A repository that gives all its sides does not count in the whole: the others
  /// need not make up for it.
  StratifiedGroups problem(const std::vector<Side>& fixed) const;

  /// Images by side, in the order of names.
  std::vector<Stratum> count(const std::vector<Side>& sides) const;

 private:
  void sort_by_name(const std::vector<ClassName>& classes, const std::vector<std::string_view>& repositories);

  std::vector<ClassName> classes_;    ///< in the order of their names
  Index repositories_ = 0;            ///< how many
  std::vector<Index> begin_;          ///< [groups + 1] into shares_
  std::vector<StratumShare> shares_;  ///< a group's classes and, behind them, its repositories
  std::vector<Index> images_;
};

}  // namespace medisyn
