#include "medisyn/eval/reader_study/spread_draw.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <map>
#include <numeric>
#include <optional>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

constexpr std::size_t kNone = SIZE_MAX;

/// Groups joined by the clusters that they share.
class Units {
 public:
  std::size_t add() {
    parents_.push_back(parents_.size());
    return parents_.size() - 1;
  }
  std::size_t find(std::size_t unit) {
    while (parents_[unit] != unit) {
      unit = parents_[unit] = parents_[parents_[unit]];
    }
    return unit;
  }
  void join(std::size_t a, std::size_t b) { parents_[find(a)] = find(b); }
  std::size_t size() const { return parents_.size(); }

 private:
  std::vector<std::size_t> parents_;
};

class SpreadDraw {
 public:
  SpreadDraw(const StudyCandidates& candidates, const std::vector<std::size_t>& needed, Draw& draw)
      : candidates_(candidates),
        needed_(needed),
        draw_(draw),
        have_(needed.size(), 0),
        clusters_of_(needed.size()) {
    join_clusters();
    for (std::vector<std::size_t>& clusters : clusters_of_) {
      std::sort(clusters.begin(), clusters.end());
      clusters.erase(std::unique(clusters.begin(), clusters.end()), clusters.end());
      draw_.shuffle(clusters);
    }
    owner_.assign(images_.size(), kNone);
    taken_.resize(units_.size());
  }

  std::vector<std::vector<std::size_t>> run(bool unique_groups) {
    const std::size_t most = unique_groups ? 1 : std::max<std::size_t>(images_.size(), 1);
    for (std::size_t cap = 1; !is_done(); ++cap) {
      const std::size_t before = total();
      fill(cap);
      if (!is_done() && (cap >= most || total() == before)) {
        refuse(unique_groups);
      }
    }
    return drawn();
  }

 private:
  void join_clusters() {
    std::vector<std::size_t> order(candidates_.real.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return candidates_.real[a].id < candidates_.real[b].id; });
    std::map<std::string, std::size_t> groups, clusters;
    std::vector<std::size_t> group_of_cluster;
    for (const std::size_t i : order) {
      const StudyCandidate& image = candidates_.real[i];
      const auto [group, is_new_group] = groups.try_emplace(image.group, units_.size());
      if (is_new_group) {
        units_.add();
      }
      const std::size_t next = images_.size();
      const std::size_t cluster =
          image.cluster.empty() ? next : clusters.try_emplace(image.cluster, next).first->second;
      if (cluster == next) {
        images_.emplace_back();
        group_of_cluster.push_back(group->second);
      }
      images_[cluster].push_back(i);
      units_.join(group->second, group_of_cluster[cluster]);
      clusters_of_[image.class_number].push_back(cluster);
    }
    for (const std::size_t group : group_of_cluster) {
      unit_of_.push_back(units_.find(group));
    }
  }

  std::size_t total() const { return std::accumulate(have_.begin(), have_.end(), std::size_t{0}); }
  bool is_done() const { return have_ == needed_; }

  /// As many images as there can be with `cap` of a unit, the classes taking turns at random.
  void fill(std::size_t cap) {
    std::vector<std::size_t> turns;
    for (std::size_t c = 0; c < needed_.size(); ++c) {
      turns.insert(turns.end(), needed_[c] - have_[c], c);
    }
    draw_.shuffle(turns);
    std::vector<bool> is_stuck(needed_.size(), false);
    for (const std::size_t c : turns) {
      if (!is_stuck[c]) {
        is_stuck[c] = !augment(c, cap);
      }
    }
  }

  /// How the search came to a class: `from` takes `taken`, for which the class gives up `given`.
  struct Step {
    std::size_t from = kNone, taken = kNone, given = kNone;
  };

  /// One image more for class `start`. The shortest path of exchanges between classes is a valid one.
  bool augment(std::size_t start, std::size_t cap) {
    reached_.assign(needed_.size(), std::nullopt);
    reached_[start] = Step{};
    std::deque<std::size_t> queue = {start};
    while (!queue.empty()) {
      const std::size_t c = queue.front();
      queue.pop_front();
      if (const std::size_t cluster = free_cluster(c, cap); cluster != kNone) {
        apply(start, c, cluster);
        return true;
      }
      for (const std::size_t cluster : clusters_of_[c]) {
        const std::vector<std::size_t> own = {cluster};
        for (const std::size_t given : owner_[cluster] == kNone ? taken_[unit_of_[cluster]] : own) {
          const std::size_t other = owner_[given];
          if (!reached_[other]) {
            reached_[other] = Step{c, cluster, given};
            queue.push_back(other);
          }
        }
      }
    }
    return false;
  }

  std::size_t free_cluster(std::size_t c, std::size_t cap) const {
    for (const std::size_t cluster : clusters_of_[c]) {
      if (owner_[cluster] == kNone && taken_[unit_of_[cluster]].size() < cap) {
        return cluster;
      }
    }
    return kNone;
  }

  void apply(std::size_t start, std::size_t last, std::size_t cluster) {
    for (std::size_t c = last; c != start;) {
      const Step step = *reached_[c];
      std::erase(taken_[unit_of_[step.given]], step.given);
      owner_[step.given] = kNone;
      take(cluster, c);
      cluster = step.taken;
      c = step.from;
    }
    take(cluster, start);
    ++have_[start];
  }

  void take(std::size_t cluster, std::size_t c) {
    owner_[cluster] = c;
    taken_[unit_of_[cluster]].push_back(cluster);
  }

  /// The classes that the last search reached share all that any of them could take.
  [[noreturn]] void refuse(bool unique_groups) const {
    std::vector<std::string> names;
    std::size_t needed = 0, have = 0;
    for (std::size_t c = 0; c < needed_.size(); ++c) {
      if (reached_[c]) {
        names.push_back(candidates_.classes[c]);
        needed += needed_[c];
        have += have_[c];
      }
    }
    fail("{}: {} real images are needed, no two near-duplicates{}, and there are {}: lower the counts{}{}",
         fmt::join(names, " and "), needed, unique_groups ? " and no two of a patient or video" : "", have,
         unique_groups ? ", say unique_groups: false" : "", ", or give more real images");
  }

  std::vector<std::vector<std::size_t>> drawn() {
    std::vector<std::vector<std::size_t>> drawn(needed_.size());
    for (std::size_t cluster = 0; cluster < images_.size(); ++cluster) {
      const std::size_t c = owner_[cluster];
      if (c == kNone) {
        continue;
      }
      std::vector<std::size_t> choices;
      std::copy_if(images_[cluster].begin(), images_[cluster].end(), std::back_inserter(choices),
                   [&](std::size_t i) { return candidates_.real[i].class_number == c; });
      drawn[c].push_back(choices[draw_.below(choices.size())]);
    }
    for (std::vector<std::size_t>& images : drawn) {
      draw_.shuffle(images);
    }
    return drawn;
  }

  const StudyCandidates& candidates_;
  const std::vector<std::size_t>& needed_;
  Draw& draw_;
  Units units_;
  std::vector<std::vector<std::size_t>> images_;       // of a cluster
  std::vector<std::size_t> unit_of_;                   // a cluster's
  std::vector<std::size_t> owner_;                     // the class that took a cluster
  std::vector<std::vector<std::size_t>> taken_;        // clusters of a unit
  std::vector<std::size_t> have_;                      // clusters of a class
  std::vector<std::vector<std::size_t>> clusters_of_;  // with an image of a class, shuffled
  std::vector<std::optional<Step>> reached_;           // by the last search
};

}  // namespace

std::vector<std::vector<std::size_t>> spread_draw(const StudyCandidates& candidates,
                                                  const std::vector<std::size_t>& needed, bool unique_groups,
                                                  Draw& draw) {
  return SpreadDraw(candidates, needed, draw).run(unique_groups);
}

}  // namespace medisyn
