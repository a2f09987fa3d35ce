#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "medisyn/curate/disjoint_sets.h"
#include "split_links.h"

namespace medisyn {
namespace {

void join_kind(const SplitNodes& nodes, LinkKind kind, DisjointSets& sets) {
  std::vector<Index> first;  // [keys]
  const std::vector<Index>& keys = nodes.key[static_cast<std::size_t>(kind)];
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] == kNone) {
      continue;
    }
    if (keys[i] >= first.size()) {
      first.resize(keys[i] + std::size_t{1}, kNone);
    }
    if (first[keys[i]] == kNone) {
      first[keys[i]] = static_cast<Index>(i);
    } else {
      sets.join(first[keys[i]], i);
    }
  }
}

/// [nodes], with nodes by group in `members`.
void list_members(SplitGroups& groups, std::size_t count) {
  groups.begin.assign(count + 1, 0);
  for (const Index group : groups.group_of) {
    if (group != kNone) {
      ++groups.begin[group + 1];
    }
  }
  for (std::size_t group = 0; group < count; ++group) {
    groups.begin[group + 1] += groups.begin[group];
  }
  std::vector<Index> next(groups.begin.begin(), groups.begin.end() - 1);
  groups.members.resize(groups.begin.back());
  for (std::size_t i = 0; i < groups.group_of.size(); ++i) {
    if (groups.group_of[i] != kNone) {
      groups.members[next[groups.group_of[i]]++] = static_cast<Index>(i);
    }
  }
}

struct Tie {
  Index from = kNone;
  LinkKind kind = LinkKind::kPatient;
};

/// The shortest way through a group, breadth first.
class TieSearch {
 public:
  TieSearch(const SplitNodes& nodes, const SplitGroups& groups, Index group) : nodes_(nodes) {
    for (Index m = groups.begin[group]; m < groups.begin[group + 1]; ++m) {
      const Index node = groups.members[m];
      members_.push_back(node);
      for (std::size_t kind = 0; kind < kLinkKinds; ++kind) {
        if (nodes.key[kind][node] != kNone) {
          by_key_[kind][nodes.key[kind][node]].push_back(node);
        }
      }
    }
  }

  /// Nodes from one that is fixed to `side` to one that is fixed to another, with the kinds between them.
  std::vector<Tie> find(Side side) {
    for (const Index node : members_) {
      if (nodes_.fixed[node] == side) {
        reached_by_.emplace(node, Tie{});
        queue_.push_back(node);
      }
    }
    for (std::size_t next = 0; next < queue_.size(); ++next) {
      const Index node = queue_[next];
      if (nodes_.fixed[node] != side && nodes_.fixed[node] != Side::kFree) {
        return way_to(node);
      }
      for (std::size_t kind = 0; kind < kLinkKinds; ++kind) {
        follow(node, static_cast<LinkKind>(kind));
      }
    }
    return {};
  }

 private:
  void follow(Index node, LinkKind kind) {
    auto& lists = by_key_[static_cast<std::size_t>(kind)];
    const auto found = lists.find(nodes_.key[static_cast<std::size_t>(kind)][node]);
    if (found == lists.end()) {
      return;
    }
    for (const Index other : found->second) {
      if (reached_by_.emplace(other, Tie{node, kind}).second) {
        queue_.push_back(other);
      }
    }
    lists.erase(found);  // all that have this key are reached
  }

  /// [{kNone, -}, ...]: element i says from where, and how, node i of the way is reached; the last is `node`.
  std::vector<Tie> way_to(Index node) const {
    std::vector<Tie> way{{node, LinkKind::kPatient}};
    for (Tie tie = reached_by_.at(node); tie.from != kNone; tie = reached_by_.at(tie.from)) {
      way.back().kind = tie.kind;
      way.push_back({tie.from, LinkKind::kPatient});
    }
    return way;
  }

  const SplitNodes& nodes_;
  std::vector<Index> members_, queue_;
  std::array<std::unordered_map<Index, std::vector<Index>>, kLinkKinds> by_key_;
  std::unordered_map<Index, Tie> reached_by_;
};

std::string node_name(const SplitNodes& nodes, Index node) {
  return nodes.record[node]->id + (node < nodes.images ? "" : " (of the earlier run)");
}

std::string tie_text(const SplitNodes& nodes, Index a, Index b, LinkKind kind) {
  const std::string both = node_name(nodes, a) + " and " + node_name(nodes, b);
  const Record& record = *nodes.record[a];
  switch (kind) {
    case LinkKind::kPatient:
      return fmt::format("{} have patient {:?}", both, record.patient_id);
    case LinkKind::kStudy:
      return fmt::format("{} have study {:?}", both, record.study_id);
    case LinkKind::kVideo:
      return fmt::format("{} have video {:?}", both, record.video_id);
    case LinkKind::kFile:
      return both + " are the same file";
    case LinkKind::kNearDuplicates:
      break;
  }
  return both + " are near-duplicates";
}

}  // namespace

SplitGroups join_groups(const SplitNodes& nodes) {
  DisjointSets sets(nodes.size());
  for (const LinkKind kind : {LinkKind::kPatient, LinkKind::kStudy, LinkKind::kVideo}) {
    join_kind(nodes, kind, sets);
  }
  std::vector<bool> is_seen(nodes.size());
  std::vector<bool> opens_part(nodes.size());  // the first image of a group that ids alone make
  for (std::size_t i = 0; i < nodes.images; ++i) {
    const auto root = sets.find(i);
    opens_part[i] = !is_seen[root];
    is_seen[root] = true;
  }
  join_kind(nodes, LinkKind::kFile, sets);
  join_kind(nodes, LinkKind::kNearDuplicates, sets);

  SplitGroups groups;
  std::vector<Index> number(nodes.size(), kNone);  // of a root's group
  groups.group_of.assign(nodes.size(), kNone);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    Index& group = number[sets.find(i)];
    if (group == kNone && i < nodes.images) {
      group = static_cast<Index>(groups.parts.size());
      groups.parts.push_back(0);
    }
    groups.group_of[i] = group;
    if (i < nodes.images && opens_part[i]) {
      ++groups.parts[group];
    }
  }
  list_members(groups, groups.size());
  return groups;
}

std::string explain_conflict(const SplitNodes& nodes, const SplitGroups& groups, Index group) {
  Side side = Side::kTrain;
  for (Index m = groups.begin[group]; m < groups.begin[group + 1]; ++m) {
    const Side own = nodes.fixed[groups.members[m]];
    side = own == Side::kFree ? side : std::max(side, own);
  }
  const std::vector<Tie> way = TieSearch(nodes, groups, group).find(side);
  constexpr std::size_t kShown = 5;
  std::vector<std::string> ties;
  for (std::size_t i = 0; i + 1 < way.size() && i < kShown; ++i) {
    ties.push_back(tie_text(nodes, way[i].from, way[i + 1].from, way[i].kind));
  }
  if (way.size() > kShown + 1) {
    ties.push_back(fmt::format("and {} ties more", way.size() - 1 - kShown));
  }
  const Index a = way.front().from;
  const Index b = way.back().from;
  return fmt::format("{} ({}) and {} ({}): {}", node_name(nodes, a), side_name(nodes.fixed[a]),
                     node_name(nodes, b), side_name(nodes.fixed[b]), fmt::join(ties, "; "));
}

}  // namespace medisyn
