#include "medisyn/eval/reader_study/design.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <set>

#include "medisyn/core/error.h"
#include "medisyn/eval/reader_study/draw.h"
#include "medisyn/eval/reader_study/spread_draw.h"

namespace medisyn {
namespace {

constexpr std::array<TrialType, 3> kTrainingPairs{TrialType::kMixed, TrialType::kRealReal,
                                                  TrialType::kSyntheticSynthetic};
constexpr std::array<TrialType, 2> kTrainingSingles{TrialType::kSynthetic, TrialType::kReal};

/// Real and synthetic images of a trial.
struct Sides {
  std::size_t real = 0, synthetic = 0;
};

Sides sides_of(TrialType type) {
  switch (type) {
    case TrialType::kRealReal:
      return {2, 0};
    case TrialType::kSyntheticSynthetic:
      return {0, 2};
    case TrialType::kMixed:
      return {1, 1};
    case TrialType::kReal:
      return {1, 0};
    case TrialType::kSynthetic:
      return {0, 1};
  }
  return {};
}

/// Trials without images, of every class as many as of any other, or one more or less: what is left over goes
/// to the classes that show fewest images so far.
class Plan {
 public:
  Plan(std::size_t classes, Draw& draw) : needed_(classes), draw_(draw) {}

  void add(PartKind part, TrialType type, std::int64_t count, bool is_training = false) {
    const auto classes = std::ssize(needed_);
    for (std::int64_t i = 0; i < count / classes * classes; ++i) {
      add_one(part, type, static_cast<std::size_t>(i % classes), is_training);
    }
    std::vector<std::size_t> order(needed_.size());
    std::iota(order.begin(), order.end(), 0);
    draw_.shuffle(order);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return images(a) < images(b); });
    for (std::int64_t i = 0; i < count % classes; ++i) {
      add_one(part, type, order[static_cast<std::size_t>(i)], is_training);
    }
  }

  const std::vector<Sides>& needed() const { return needed_; }
  std::vector<DesignTrial> take() { return std::move(trials_); }

 private:
  std::size_t images(std::size_t c) const { return needed_[c].real + needed_[c].synthetic; }

  void add_one(PartKind part, TrialType type, std::size_t class_number, bool is_training) {
    const Sides sides = sides_of(type);
    needed_[class_number].real += sides.real;
    needed_[class_number].synthetic += sides.synthetic;
    trials_.push_back({.part = part, .is_training = is_training, .type = type, .class_number = class_number});
  }

  std::vector<Sides> needed_;
  Draw& draw_;
  std::vector<DesignTrial> trials_;
};

Plan plan_trials(const DesignCounts& counts, std::size_t classes, Draw& draw) {
  Plan plan(classes, draw);
  plan.add(PartKind::kPairs, TrialType::kRealReal, counts.real_real);
  plan.add(PartKind::kPairs, TrialType::kSyntheticSynthetic, counts.synthetic_synthetic);
  plan.add(PartKind::kPairs, TrialType::kMixed, counts.mixed);
  plan.add(PartKind::kSingles, TrialType::kReal, counts.real);
  plan.add(PartKind::kSingles, TrialType::kSynthetic, counts.synthetic);
  for (std::int64_t i = 0; i < counts.training_pairs; ++i) {
    plan.add(PartKind::kPairs, kTrainingPairs.at(static_cast<std::size_t>(i) % kTrainingPairs.size()), 1,
             true);
  }
  for (std::int64_t i = 0; i < counts.training_singles; ++i) {
    plan.add(PartKind::kSingles, kTrainingSingles.at(static_cast<std::size_t>(i) % kTrainingSingles.size()),
             1, true);
  }
  return plan;
}

/// Of each class the synthetic images that may be shown, by id: of a cluster one, drawn, and none of a
/// cluster with real images.
std::vector<std::vector<std::size_t>> one_of_each_cluster(const StudyCandidates& candidates, Draw& draw) {
  std::set<std::string> of_real;
  for (const StudyCandidate& image : candidates.real) {
    of_real.insert(image.cluster);
  }
  std::map<std::string, std::vector<std::size_t>> by_cluster;
  std::vector<std::vector<std::size_t>> allowed(candidates.classes.size());
  std::vector<std::size_t> order(candidates.synthetic.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return candidates.synthetic[a].id < candidates.synthetic[b].id;
  });
  for (const std::size_t i : order) {
    const StudyCandidate& image = candidates.synthetic[i];
    if (image.cluster.empty()) {
      allowed[image.class_number].push_back(i);
    } else if (!of_real.contains(image.cluster)) {
      by_cluster[image.cluster].push_back(i);
    }
  }
  for (const auto& [name, images] : by_cluster) {
    const std::size_t one = images[draw.below(images.size())];
    allowed[candidates.synthetic[one].class_number].push_back(one);
  }
  return allowed;
}

/// Each anchor's partner, none twice: of all pairs the closest first, by greedy choice.
std::vector<DesignImage> partners_of(const std::vector<std::size_t>& anchors,
                                     const std::vector<std::size_t>& allowed,
                                     const StudyCandidates& candidates, const RankPartners& rank) {
  std::vector<RankedPartner> ranked = rank(anchors, allowed, std::min(anchors.size(), allowed.size()));
  const auto id = [&](const RankedPartner& pair) -> const std::string& {
    return candidates.synthetic[allowed[pair.candidate]].id;
  };
  std::sort(ranked.begin(), ranked.end(), [&](const RankedPartner& a, const RankedPartner& b) {
    if (a.cosine != b.cosine) {
      return a.cosine > b.cosine;
    }
    return a.anchor != b.anchor ? a.anchor < b.anchor : id(a) < id(b);
  });
  std::vector<DesignImage> partners;
  std::vector<bool> has_partner(anchors.size(), false), is_used(allowed.size(), false);
  for (const RankedPartner& pair : ranked) {
    if (!has_partner[pair.anchor] && !is_used[pair.candidate]) {
      has_partner[pair.anchor] = is_used[pair.candidate] = true;
      partners.push_back({.is_synthetic = true,
                          .candidate = allowed[pair.candidate],
                          .anchor = anchors[pair.anchor],
                          .cosine = pair.cosine});
    }
  }
  if (partners.size() != anchors.size()) {
    throw std::logic_error("the ranking of partners is not whole");
  }
  return partners;
}

/// The images of one class that are not in a trial yet.
struct Pool {
  std::vector<DesignImage> real = {}, synthetic = {};

  DesignImage take(bool is_synthetic) {
    std::vector<DesignImage>& images = is_synthetic ? synthetic : real;
    const DesignImage image = images.back();
    images.pop_back();
    return image;
  }
};

std::vector<Pool> fill_pools(const std::vector<Sides>& needed, const DesignCounts& counts,
                             const StudyCandidates& candidates, const RankPartners& rank, Draw& draw) {
  const std::vector<std::vector<std::size_t>> allowed = one_of_each_cluster(candidates, draw);
  std::vector<std::size_t> real_needed;
  for (std::size_t c = 0; c < needed.size(); ++c) {
    if (allowed[c].size() < needed[c].synthetic) {
      fail(
          "class {}: {} synthetic images are needed, no two near-duplicates, and there are {}: generate "
          "more, or lower the counts",
          candidates.classes[c], needed[c].synthetic, allowed[c].size());
    }
    real_needed.push_back(std::max(needed[c].real, needed[c].synthetic));
  }
  const auto drawn = spread_draw(candidates, real_needed, counts.unique_groups, draw);
  std::vector<Pool> pools(needed.size());
  for (std::size_t c = 0; c < needed.size(); ++c) {
    for (std::size_t i = 0; i < needed[c].real; ++i) {
      pools[c].real.push_back({.is_synthetic = false, .candidate = drawn[c][i], .anchor = drawn[c][i]});
    }
    if (needed[c].synthetic > 0) {
      const auto end = drawn[c].begin() + static_cast<std::ptrdiff_t>(needed[c].synthetic);
      pools[c].synthetic = partners_of({drawn[c].begin(), end}, allowed[c], candidates, rank);
    }
    draw.shuffle(pools[c].real);
    draw.shuffle(pools[c].synthetic);
  }
  return pools;
}

}  // namespace

std::string_view name_of(TrialType type) {
  switch (type) {
    case TrialType::kRealReal:
      return "real-real";
    case TrialType::kSyntheticSynthetic:
      return "synthetic-synthetic";
    case TrialType::kMixed:
      return "mixed";
    case TrialType::kReal:
      return "real";
    case TrialType::kSynthetic:
      return "synthetic";
  }
  return "";
}

Design make_design(const DesignCounts& counts, const StudyCandidates& candidates, const RankPartners& rank,
                   std::uint64_t seed) {
  Draw draw(seed, "reader study");
  Plan plan = plan_trials(counts, candidates.classes.size(), draw);
  std::vector<Pool> pools = fill_pools(plan.needed(), counts, candidates, rank, draw);
  Design design;
  for (DesignTrial& trial : plan.take()) {
    const Sides sides = sides_of(trial.type);
    for (std::size_t i = 0; i < sides.real + sides.synthetic; ++i) {
      trial.images.push_back(pools[trial.class_number].take(i >= sides.real));
    }
    draw.shuffle(trial.images);
    std::vector<DesignTrial>& list = trial.is_training                ? design.training
                                     : trial.part == PartKind::kPairs ? design.pairs
                                                                      : design.singles;
    list.push_back(std::move(trial));
  }
  draw.shuffle(design.pairs);
  draw.shuffle(design.singles);
  return design;
}

std::vector<const DesignTrial*> all_trials(const Design& design) {
  std::vector<const DesignTrial*> trials;
  for (const auto* list : {&design.training, &design.pairs, &design.singles}) {
    for (const DesignTrial& trial : *list) {
      trials.push_back(&trial);
    }
  }
  return trials;
}

GroupSpread group_spread(const Design& design, const StudyCandidates& candidates) {
  std::map<std::string, std::int64_t> groups;
  GroupSpread spread;
  for (const DesignTrial* trial : all_trials(design)) {
    for (const DesignImage& image : trial->images) {
      if (!image.is_synthetic) {
        const std::string& group = candidates.real[image.candidate].group;
        ++spread.images;
        if (++groups[group] > spread.most) {
          spread.most = groups[group];
          spread.fullest = group;
        }
      }
    }
  }
  spread.groups = std::ssize(groups);
  return spread;
}

}  // namespace medisyn
