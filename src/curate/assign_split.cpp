#include "medisyn/curate/assign_split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "medisyn/core/error.h"
#include "medisyn/core/random_key.h"
#include "split_links.h"
#include "split_strata.h"
#include "stratify.h"

namespace medisyn {
namespace {

void check_ratio(const std::vector<double>& ratio) {
  const bool is_legal =
      ratio.size() == kSides &&
      std::all_of(ratio.begin(), ratio.end(), [](double part) { return std::isfinite(part) && part >= 0; }) &&
      std::accumulate(ratio.begin(), ratio.end(), 0.0) > 0;
  if (!is_legal) {
    fail("split: ratio: expected three numbers for train, validation and test, none negative and not all 0");
  }
}

/// The one that is worst to leak into of the group's; kFree when none has any.
Side worst_side(const std::vector<Side>& sides, const SplitGroups& groups, Index group) {
  Side worst = Side::kFree;
  for (Index m = groups.begin[group]; m < groups.begin[group + 1]; ++m) {
    const Side side = sides[groups.members[m]];
    if (side != Side::kFree && (worst == Side::kFree || side > worst)) {
      worst = side;
    }
  }
  return worst;
}

/// The images that their repository's rule gives another side than their group gets.
std::vector<DroppedImage> contradictions(const SplitNodes& nodes, const SplitGroups& groups,
                                         const std::vector<Side>& fixed) {
  std::vector<DroppedImage> found;
  for (std::size_t i = 0; i < nodes.images; ++i) {
    if (nodes.fixed[i] != Side::kFree && nodes.fixed[i] != fixed[groups.group_of[i]]) {
      found.push_back({.index = i, .side = side_name(nodes.fixed[i]), .group_id = ""});
    }
  }
  return found;
}

[[noreturn]] void refuse(const SplitNodes& nodes, const SplitGroups& groups,
                         const std::vector<DroppedImage>& contradicting) {
  std::set<Index> concerned;
  for (const DroppedImage& image : contradicting) {
    concerned.insert(groups.group_of[image.index]);
  }
  fail(
      "split: in {} of {} groups the repositories' own rules contradict each other, the first: {}. Give "
      "these "
      "repositories one rule, or leave out what belongs to the lesser sides ({} of {} images; on_conflict: "
      "drop)",
      concerned.size(), groups.size(), explain_conflict(nodes, groups, *concerned.begin()),
      contradicting.size(), nodes.images);
}

/// A part of a divided subject has its side behind it, because the subject has more than one group.
std::string patient_name(const SplitNodes& nodes, Index image) {
  const std::string& patient = nodes.record[image]->patient_id;
  const Side part = nodes.part[image];
  return part == Side::kFree ? patient : fmt::format("{}/{}", patient, side_name(part));
}

std::vector<std::string> name_groups(const SplitNodes& nodes, const SplitGroups& groups) {
  std::vector<std::string> names(groups.size());
  std::vector<bool> has_patient(groups.size());
  for (std::size_t i = 0; i < nodes.images; ++i) {
    const Record& record = *nodes.record[i];
    const Index group = groups.group_of[i];
    const bool is_patient = !record.patient_id.empty();
    if (has_patient[group] && !is_patient) {
      continue;
    }
    const std::string own = is_patient ? patient_name(nodes, static_cast<Index>(i)) : "image:" + record.id;
    const bool is_first = names[group].empty() || (is_patient && !has_patient[group]);
    names[group] = is_first ? own : std::min(names[group], own);
    has_patient[group] = is_patient;
  }
  return names;
}

/// The name of a group that holds a part of a subject ends in its side, whatever it begins with.
void name_sides(const SplitNodes& nodes, const SplitGroups& groups, const std::vector<Side>& sides,
                std::vector<std::string>& names) {
  std::vector<bool> holds_part(groups.size());
  for (std::size_t i = 0; i < nodes.images; ++i) {
    holds_part[groups.group_of[i]] = holds_part[groups.group_of[i]] || nodes.part[i] != Side::kFree;
  }
  for (std::size_t group = 0; group < groups.size(); ++group) {
    const std::string ending = fmt::format("/{}", side_name(sides[group]));
    if (holds_part[group] && !names[group].ends_with(ending)) {
      names[group] += ending;
    }
  }
}

std::vector<GroupMove> list_moves(const SplitNodes& nodes, const SplitGroups& groups,
                                  const std::vector<Record>& records) {
  std::vector<GroupMove> moves;
  for (std::size_t group = 0; group < groups.size(); ++group) {
    std::array<GroupMove, kSides> from;
    for (Index m = groups.begin[group]; m < groups.begin[group + 1]; ++m) {
      const Index node = groups.members[m];
      if (node >= nodes.images || nodes.is_left_out[node] || records[node].split.empty()) {
        continue;
      }
      const std::string earlier = side_name(nodes.earlier[node]);
      if (earlier.empty() || earlier == records[node].split) {
        continue;
      }
      GroupMove& move = from[static_cast<std::size_t>(nodes.earlier[node])];
      ++move.images;
      if (move.first.empty() || records[node].id < move.first) {
        move = {records[node].group_id, earlier, records[node].split, move.images, records[node].id};
      }
    }
    std::copy_if(from.begin(), from.end(), std::back_inserter(moves),
                 [](const GroupMove& move) { return move.images > 0; });
  }
  std::sort(moves.begin(), moves.end(), [](const GroupMove& a, const GroupMove& b) {
    return std::tie(a.group_id, a.from) < std::tie(b.group_id, b.from);
  });
  return moves;
}

std::string cause_of(const LargestGroup& group, bool has_one_id) {
  if (group.images == 1) {
    return "one image";
  }
  if (group.without_near_duplicates > 1) {
    return fmt::format("near-duplicates between {} groups of patients", group.without_near_duplicates);
  }
  return has_one_id ? "one patient" : "patients that share a study or a video";
}

/// `images`: by group.
LargestGroup find_largest(const SplitNodes& nodes, const SplitGroups& groups,
                          const std::vector<Index>& images, const std::vector<Record>& records) {
  LargestGroup largest;
  Index best = kNone;
  for (std::size_t i = 0; i < nodes.images; ++i) {
    const Index group = groups.group_of[i];
    const bool is_first = best == kNone || images[group] > images[best];
    if (is_first || (images[group] == images[best] && records[i].group_id < largest.group_id)) {
      best = group;
      largest.group_id = records[i].group_id;
    }
  }
  if (best == kNone) {
    return largest;
  }
  std::set<std::string_view> patients;
  for (Index m = groups.begin[best]; m < groups.begin[best + 1]; ++m) {
    if (groups.members[m] < nodes.images) {
      const Record& record = records[groups.members[m]];
      patients.insert(record.patient_id);
      largest.side = record.split.empty() ? largest.side : record.split;
    }
  }
  largest.images = images[best];
  largest.patients = std::ssize(patients) - (patients.contains("") ? 1 : 0);
  largest.without_near_duplicates = groups.parts[best];
  largest.cause = cause_of(largest, patients.size() == 1 && largest.patients == 1);
  return largest;
}

}  // namespace

SplitReport assign_split(std::vector<Record>& records, const std::vector<SplitLink>& links,
                         const std::vector<Record>& earlier, const SplitOptions& options) {
  check_ratio(options.ratio);
  const SplitNodes nodes = make_nodes(records, links, earlier);
  const SplitGroups groups = join_groups(nodes);

  std::vector<Side> sides(groups.size());
  for (Index group = 0; group < groups.size(); ++group) {
    sides[group] = worst_side(nodes.fixed, groups, group);
  }
  SplitReport report;
  report.dropped = contradictions(nodes, groups, sides);
  if (!report.dropped.empty() && options.on_conflict == OnConflict::kError) {
    refuse(nodes, groups, report.dropped);
  }
  std::vector<bool> is_dropped(nodes.images);
  for (const DroppedImage& image : report.dropped) {
    is_dropped[image.index] = true;
  }

  const SplitStrata strata(nodes, groups, is_dropped);
  report.groups =
      std::count_if(strata.images().begin(), strata.images().end(), [](Index images) { return images > 0; });
  StratifiedGroups problem = strata.problem(sides);
  problem.names = name_groups(nodes, groups);
  for (Index group = 0; group < groups.size(); ++group) {
    problem.draws.push_back(random_key({options.seed, hash_text(problem.names[group]), hash_text("split")}));
    if (sides[group] == Side::kFree) {
      problem.sides[group] = worst_side(nodes.earlier, groups, group);
    }
  }
  stratify(problem, options.ratio);
  name_sides(nodes, groups, problem.sides, problem.names);

  for (std::size_t i = 0; i < records.size(); ++i) {
    const Index group = groups.group_of[i];
    records[i].group_id = problem.names[group];
    records[i].split = is_dropped[i] ? "" : side_name(problem.sides[group]);
    if (!is_dropped[i] && !nodes.is_left_out[i]) {
      ++report.images[static_cast<std::size_t>(problem.sides[group])];
    }
  }
  for (DroppedImage& image : report.dropped) {
    image.group_id = records[image.index].group_id;
  }
  report.moves = list_moves(nodes, groups, records);
  report.largest = find_largest(nodes, groups, strata.images(), records);
  report.strata = strata.count(problem.sides);
  return report;
}

std::optional<StratumDeviation> worst_deviation(const SplitReport& report, const std::vector<double>& ratio,
                                                std::int64_t min_groups) {
  const double sum = std::accumulate(ratio.begin(), ratio.end(), 0.0);
  std::optional<StratumDeviation> worst;
  for (const Stratum& stratum : report.strata) {
    const auto images =
        static_cast<double>(std::accumulate(stratum.images.begin(), stratum.images.end(), std::int64_t{0}));
    for (std::size_t side = 0; side < kSides && stratum.groups >= min_groups; ++side) {
      const double share = std::abs(static_cast<double>(stratum.images[side]) / images - ratio[side] / sum);
      if (!worst || share > worst->share) {
        worst = {&stratum, share};
      }
    }
  }
  return worst;
}

}  // namespace medisyn
