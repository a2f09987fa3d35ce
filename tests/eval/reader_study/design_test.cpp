#include "medisyn/eval/reader_study/design.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>

#include "medisyn/core/error.h"
#include "medisyn/eval/reader_study/draw.h"

namespace medisyn {
namespace {

/// Cosines that are a function of the two ids, with many ties.
RankPartners made_up_ranking(const StudyCandidates& candidates) {
  return [&candidates](const std::vector<std::size_t>& anchors, const std::vector<std::size_t>& allowed,
                       std::size_t k) {
    std::vector<RankedPartner> ranked;
    for (std::size_t a = 0; a < anchors.size(); ++a) {
      std::vector<RankedPartner> row;
      for (std::size_t s = 0; s < allowed.size(); ++s) {
        const std::uint32_t bits = random_key(
            {hash_text(candidates.real[anchors[a]].id), hash_text(candidates.synthetic[allowed[s]].id)});
        row.push_back({a, s, bits % 50 / 50.0});
      }
      std::sort(row.begin(), row.end(), [&](const RankedPartner& x, const RankedPartner& y) {
        const auto id = [&](const RankedPartner& p) { return candidates.synthetic[allowed[p.candidate]].id; };
        return x.cosine != y.cosine ? x.cosine > y.cosine : id(x) < id(y);
      });
      row.resize(k);
      ranked.insert(ranked.end(), row.begin(), row.end());
    }
    return ranked;
  };
}

struct Problem {
  DesignCounts counts = {};
  StudyCandidates candidates = {};
};

/// A random problem: 1 to 4 classes, up to 6 of each kind of trial, few or many patients, clusters that also
/// reach over classes and patients.
Problem random_problem(Draw& draw) {
  Problem problem;
  const auto up_to = [&](std::size_t most) { return static_cast<std::int64_t>(draw.below(most + 1)); };
  problem.counts = {.real_real = up_to(6),
                    .synthetic_synthetic = up_to(6),
                    .mixed = up_to(6),
                    .real = up_to(6),
                    .synthetic = up_to(6),
                    .training_pairs = up_to(2),
                    .training_singles = up_to(2),
                    .unique_groups = draw.below(4) == 0};
  const std::size_t classes = 1 + draw.below(4), patients = 5 + draw.below(60);
  for (std::size_t c = 0; c < classes; ++c) {
    problem.candidates.classes.push_back(fmt::format("class {}", c));
  }
  const auto add = [&](std::vector<StudyCandidate>& list, const char* side, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      list.push_back({.class_number = draw.below(classes),
                      .id = fmt::format("{}{}", side, i),
                      .group = fmt::format("patient {}", draw.below(patients)),
                      .cluster = draw.below(3) != 0    ? ""
                                 : draw.below(10) == 0 ? "both sides"
                                                       : fmt::format("{}-{}", side, draw.below(20))});
    }
  };
  add(problem.candidates.real, "real", 30 + draw.below(70));
  add(problem.candidates.synthetic, "synthetic", 30 + draw.below(70));
  return problem;
}

/// All that a reader and the key see of a design.
std::string text_of(const Design& design, const StudyCandidates& candidates) {
  std::string text;
  for (const DesignTrial* trial : all_trials(design)) {
    text += fmt::format("{} {}", name_of(trial->type), trial->class_number);
    for (const DesignImage& image : trial->images) {
      const auto& list = image.is_synthetic ? candidates.synthetic : candidates.real;
      text += fmt::format(" {}<{}", list[image.candidate].id, candidates.real[image.anchor].id);
    }
    text += "\n";
  }
  return text;
}

TEST(Design, TenThousandRandomOnesHoldAllConstraints) {
  Draw draw(1, "problems");
  int made = 0, refused = 0, others = 0;
  while (made < 10000) {
    Problem problem = random_problem(draw);
    const RankPartners rank = made_up_ranking(problem.candidates);
    try {
      const auto seed = static_cast<std::uint64_t>(made);
      const Design design = make_design(problem.counts, problem.candidates, rank, seed);
      ASSERT_EQ(fault_of(design, problem.counts, problem.candidates), "") << made;
      if (++made % 10 == 0) {
        const std::string text = text_of(design, problem.candidates);
        others += text_of(make_design(problem.counts, problem.candidates, rank, seed + 1),
                          problem.candidates) != text;
        draw.shuffle(problem.candidates.real);
        draw.shuffle(problem.candidates.synthetic);
        ASSERT_EQ(text_of(make_design(problem.counts, problem.candidates, rank, seed), problem.candidates),
                  text);
      }
    } catch (const Error& error) {
      ASSERT_THAT(error.what(), testing::HasSubstr("are needed")) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 500);
  EXPECT_GT(others, 980);  // of 1,000: the smallest designs have few forms
}

/// `images` real ones of each class from `patients`, and as many synthetic ones.
StudyCandidates plain_candidates(std::size_t classes, std::size_t images, std::size_t patients) {
  StudyCandidates candidates;
  for (std::size_t c = 0; c < classes; ++c) {
    candidates.classes.push_back(fmt::format("class {}", c));
    for (std::size_t i = 0; i < images; ++i) {
      const std::string id = fmt::format("{}-{:03}", c, i);
      candidates.real.push_back({.class_number = c, .id = id, .group = fmt::format("p{}", i % patients)});
      candidates.synthetic.push_back({.class_number = c, .id = id});
    }
  }
  return candidates;
}

constexpr DesignCounts kPaper{
    .real_real = 34, .synthetic_synthetic = 34, .mixed = 34, .real = 66, .synthetic = 66};

TEST(Design, ThePapersCountsSpreadOver80Videos) {
  const StudyCandidates candidates = plain_candidates(3, 200, 80);
  const Design design = make_design(kPaper, candidates, made_up_ranking(candidates), 7);
  EXPECT_EQ(fault_of(design, kPaper, candidates), "");
  const GroupSpread spread = group_spread(design, candidates);
  EXPECT_EQ(spread.images, 168);
  EXPECT_EQ(spread.groups, 80);
  EXPECT_EQ(spread.most, 3);
  std::map<std::string, std::map<std::size_t, int>> shown;
  for (const DesignTrial& trial : design.pairs) {
    ++shown["pairs"][trial.class_number];
  }
  for (const DesignTrial& trial : design.singles) {
    ++shown["singles"][trial.class_number];
  }
  EXPECT_THAT(shown["pairs"],
              testing::ElementsAre(testing::Pair(0, 34), testing::Pair(1, 34), testing::Pair(2, 34)));
  EXPECT_THAT(shown["singles"], testing::Each(testing::Pair(testing::_, 44)));
}

TEST(Design, InfeasibleOnesAreExplained) {
  const auto refusal = [](DesignCounts counts, const StudyCandidates& candidates) -> std::string {
    try {
      make_design(counts, candidates, made_up_ranking(candidates), 0);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  DesignCounts unique = kPaper;
  unique.unique_groups = true;
  // 168 are shown; a class with one synthetic image more than real ones is searched with one more of each.
  EXPECT_EQ(refusal(unique, plain_candidates(3, 200, 80)),
            "class 0 and class 1 and class 2: 170 real images are needed, no two near-duplicates and no two "
            "of a patient or video, and there are 80: lower the counts, say unique_groups: false, or give "
            "more real images");
  EXPECT_THAT(refusal(kPaper, plain_candidates(3, 55, 55)),
              testing::HasSubstr("57 synthetic images are needed, no two near-duplicates, and there are 55: "
                                 "generate more, or lower the counts"));
  StudyCandidates few = plain_candidates(3, 60, 60);
  std::erase_if(few.real, [](const StudyCandidate& image) { return image.id > "1-049" && image.id < "2"; });
  EXPECT_THAT(refusal(kPaper, few), testing::StartsWith("class 1: 57 real images are needed, no two near-"
                                                        "duplicates, and there are 50: lower the counts"));
}

/// Class 0 has two patients, class 1 one of them alone: a draw in a fixed order would give it away.
TEST(Design, UniquePatientsAreFoundWhereThereIsAWay) {
  StudyCandidates candidates{.classes = {"wide", "narrow"},
                             .real = {{0, "a", "p1", ""}, {0, "b", "p2", ""}, {1, "c", "p1", ""}},
                             .synthetic = {{0, "x", "", ""}, {1, "y", "", ""}}};
  const DesignCounts counts{.real = 2, .unique_groups = true};
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Design design = make_design(counts, candidates, made_up_ranking(candidates), seed);
    EXPECT_EQ(fault_of(design, counts, candidates), "");
  }
}

TEST(Design, PartnersAreTheNearestThatAreFree) {
  const StudyCandidates candidates = plain_candidates(1, 2, 2);
  const RankPartners rank = [](const auto&, const auto&, std::size_t) {
    return std::vector<RankedPartner>{{0, 0, 0.9}, {0, 1, 0.8}, {1, 0, 0.95}, {1, 1, 0.1}};
  };
  const Design design = make_design({.real = 2, .synthetic = 2}, candidates, rank, 3);
  std::multiset<double> cosines;
  for (const DesignTrial& trial : design.singles) {
    if (trial.images[0].is_synthetic) {
      cosines.insert(trial.images[0].cosine);
    }
  }
  EXPECT_THAT(cosines, testing::ElementsAre(0.8, 0.95));
}

TEST(Design, TheCheckFindsWhatIsWrong) {
  StudyCandidates candidates = plain_candidates(2, 20, 20);
  const DesignCounts counts{.real_real = 2, .mixed = 2, .real = 2, .synthetic = 2};
  const Design design = make_design(counts, candidates, made_up_ranking(candidates), 1);
  const auto fault = [&](auto change) {
    Design changed = design;
    change(changed);
    return fault_of(changed, counts, candidates);
  };
  EXPECT_THAT(fault([](Design& d) { d.pairs.pop_back(); }), testing::HasSubstr("number of trials"));
  EXPECT_THAT(fault([](Design& d) { d.pairs[0].images[0] = d.pairs[0].images[1]; }), testing::Ne(""));
  EXPECT_THAT(fault([](Design& d) { d.singles[0].class_number = 1 - d.singles[0].class_number; }),
              testing::HasSubstr("another class"));
  EXPECT_THAT(fault([](Design& d) { std::swap(d.pairs[0], d.singles[0]); }),
              testing::HasSubstr("wrong list"));
  for (StudyCandidate& image : candidates.real) {
    image.cluster = "one";
  }
  EXPECT_THAT(fault_of(design, counts, candidates), testing::HasSubstr("near-duplicate"));
}

}  // namespace
}  // namespace medisyn
