#include "split_strata.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace medisyn {
namespace {

class TextNumbers {
 public:
  Index number(std::string_view text) {
    const auto [place, is_new] = numbers_.emplace(text, static_cast<Index>(texts_.size()));
    if (is_new) {
      texts_.push_back(text);
    }
    return place->second;
  }
  const std::vector<std::string_view>& texts() const { return texts_; }

 private:
  std::unordered_map<std::string_view, Index> numbers_;
  std::vector<std::string_view> texts_;
};

/// Numbers the classes and repositories as they come.
class ClassNumbers {
 public:
  /// The classes of a record, each once.
  const std::vector<Index>& classes_of(const Record& record) {
    found_.clear();
    const Index repository = repositories_.number(record.repository);
    for (const std::string& label : record.labels) {
      found_.push_back(number(repository, label));
    }
    if (found_.empty()) {
      found_.push_back(number(repository, record.image_type));
    }
    std::sort(found_.begin(), found_.end());
    found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
    return found_;
  }

  Index repository_of(const Record& record) { return repositories_.number(record.repository); }

  /// Repository and label by the class's number.
  std::vector<ClassName> classes() const {
    std::vector<ClassName> names(pairs_.size());
    for (const auto& [pair, index] : pairs_) {
      names[index] = {repositories_.texts()[pair >> 32U], labels_.texts()[pair & 0xFFFFFFFFU]};
    }
    return names;
  }

  const std::vector<std::string_view>& repositories() const { return repositories_.texts(); }

 private:
  Index number(Index repository, std::string_view label) {
    const std::uint64_t pair = (std::uint64_t{repository} << 32U) | labels_.number(label);
    return pairs_.emplace(pair, static_cast<Index>(pairs_.size())).first->second;
  }

  TextNumbers repositories_, labels_;
  std::unordered_map<std::uint64_t, Index> pairs_;
  std::vector<Index> found_;
};

/// Images by number; cleared by what was touched.
class Tally {
 public:
  void add(Index number) {
    if (number >= images_.size()) {
      images_.resize(number + std::size_t{1}, 0);
    }
    if (images_[number]++ == 0) {
      touched_.push_back(number);
    }
  }

  /// Adds (number + offset, images) to the shares, and starts anew.
  void move_to(std::vector<StratumShare>& shares, Index offset) {
    for (const Index number : touched_) {
      shares.push_back({number + offset, std::exchange(images_[number], 0)});
    }
    touched_.clear();
  }

 private:
  std::vector<Index> images_, touched_;
};

/// [numbers] -> the place of each in the order of names, which does not hang on that of the images.
template <class Name>
std::vector<Index> rank_names(const std::vector<Name>& names) {
  std::vector<Index> order(names.size());
  std::iota(order.begin(), order.end(), Index{0});
  std::sort(order.begin(), order.end(), [&](Index a, Index b) { return names[a] < names[b]; });
  std::vector<Index> rank(names.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    rank[order[i]] = static_cast<Index>(i);
  }
  return rank;
}

/// Numbers of repositories start here until the number of classes is known.
constexpr Index kRepositories = Index{1} << 31U;

}  // namespace

SplitStrata::SplitStrata(const SplitNodes& nodes, const SplitGroups& groups,
                         const std::vector<bool>& is_dropped) {
  ClassNumbers numbers;
  Tally of_classes, of_repositories;
  images_.assign(groups.size(), 0);
  begin_.push_back(0);
  for (Index group = 0; group < groups.size(); ++group) {
    for (Index m = groups.begin[group]; m < groups.begin[group + 1]; ++m) {
      const Index node = groups.members[m];
      if (node < nodes.images && !nodes.is_left_out[node] && !is_dropped[node]) {
        ++images_[group];
        of_repositories.add(numbers.repository_of(*nodes.record[node]));
        for (const Index number : numbers.classes_of(*nodes.record[node])) {
          of_classes.add(number);
        }
      }
    }
    of_classes.move_to(shares_, 0);
    of_repositories.move_to(shares_, kRepositories);
    begin_.push_back(static_cast<Index>(shares_.size()));
  }
  sort_by_name(numbers.classes(), numbers.repositories());
}

void SplitStrata::sort_by_name(const std::vector<ClassName>& classes,
                               const std::vector<std::string_view>& repositories) {
  const std::vector<Index> class_rank = rank_names(classes);
  const std::vector<Index> repository_rank = rank_names(repositories);
  classes_.resize(classes.size());
  for (std::size_t i = 0; i < classes.size(); ++i) {
    classes_[class_rank[i]] = classes[i];
  }
  repositories_ = static_cast<Index>(repositories.size());
  for (StratumShare& share : shares_) {
    share.stratum = share.stratum < kRepositories
                        ? class_rank[share.stratum]
                        : static_cast<Index>(classes.size()) + repository_rank[share.stratum - kRepositories];
  }
  for (std::size_t group = 0; group + 1 < begin_.size(); ++group) {
    std::sort(shares_.begin() + begin_[group], shares_.begin() + begin_[group + 1],
              [](const StratumShare& a, const StratumShare& b) { return a.stratum < b.stratum; });
  }
}

StratifiedGroups SplitStrata::problem(const std::vector<Side>& fixed) const {
  const auto whole = static_cast<Index>(classes_.size() + repositories_);
  std::vector<bool> is_open(whole);  // strata with images of which the side is to be chosen
  for (std::size_t group = 0; group < fixed.size(); ++group) {
    for (Index i = begin_[group]; i < begin_[group + 1] && fixed[group] == Side::kFree; ++i) {
      is_open[shares_[i].stratum] = true;
    }
  }
  StratifiedGroups problem;
  problem.classes = classes_.size();
  problem.strata = whole + std::size_t{1};
  problem.sides = fixed;
  problem.begin.push_back(0);
  for (std::size_t group = 0; group < fixed.size(); ++group) {
    bool counts = false;
    for (Index i = begin_[group]; i < begin_[group + 1]; ++i) {
      problem.shares.push_back(shares_[i]);
      counts = counts || (shares_[i].stratum >= classes_.size() && is_open[shares_[i].stratum]);
    }
    if (counts) {
      problem.shares.push_back({whole, images_[group]});
    }
    problem.begin.push_back(static_cast<Index>(problem.shares.size()));
  }
  return problem;
}

std::vector<Stratum> SplitStrata::count(const std::vector<Side>& sides) const {
  std::vector<Stratum> strata(classes_.size());
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    strata[i].repository = classes_[i].first;
    strata[i].label = classes_[i].second;
  }
  for (std::size_t group = 0; group < sides.size(); ++group) {
    for (Index i = begin_[group]; i < begin_[group + 1] && shares_[i].stratum < strata.size(); ++i) {
      Stratum& stratum = strata[shares_[i].stratum];
      stratum.images[static_cast<std::size_t>(sides[group])] += shares_[i].images;
      ++stratum.groups;
    }
  }
  return strata;
}

}  // namespace medisyn
