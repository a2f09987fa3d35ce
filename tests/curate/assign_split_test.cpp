#include "medisyn/curate/assign_split.h"

#include <fmt/format.h>

#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "../expect_error.h"

namespace medisyn {
namespace {

Record image(const std::string& id, const std::string& patient, const std::string& side = "") {
  Record record;
  record.id = id;
  record.patient_id = patient;
  record.image_type = "CT";
  record.split = side;
  return record;
}

std::vector<SplitLink> clusters(const std::vector<std::int64_t>& numbers) {
  std::vector<SplitLink> links;
  links.reserve(numbers.size());
  for (const std::int64_t number : numbers) {
    links.push_back({.cluster = number});
  }
  return links;
}

/// `groups` patients of `per_group` images in each of so many classes of a repository.
std::vector<Record> classes(int count, int groups, int per_group, bool own_repository = false) {
  std::vector<Record> records;
  for (int c = 0; c < count; ++c) {
    for (int i = 0; i < groups * per_group; ++i) {
      const std::string patient = fmt::format("p{}-{}", c, i / per_group);
      records.push_back(image(fmt::format("{}-{}", patient, i % per_group), patient));
      records.back().repository = own_repository ? fmt::format("repository {}", c) : "repository";
      records.back().labels = {fmt::format("class {}", c)};
    }
  }
  return records;
}

double share(const SplitReport& report, std::size_t side) {
  return static_cast<double>(report.images[side]) /
         static_cast<double>(std::accumulate(report.images.begin(), report.images.end(), std::int64_t{0}));
}

TEST(AssignSplit, EqualGroupsMeetTheRatioInEveryClass) {
  std::vector<Record> records = classes(7, 20, 5);
  const SplitReport report = assign_split(records, {}, {}, {});
  EXPECT_EQ(report.groups, 140);
  EXPECT_EQ(report.images, (std::array<std::int64_t, 3>{560, 70, 70}));
  ASSERT_EQ(report.strata.size(), 7U);
  for (const Stratum& stratum : report.strata) {
    EXPECT_EQ(stratum.images, (std::array<std::int64_t, 3>{80, 10, 10})) << stratum.label;
    EXPECT_EQ(stratum.groups, 20);
  }
  EXPECT_DOUBLE_EQ(worst_deviation(report, {8, 1, 1}, 1)->share, 0.0);
}

TEST(AssignSplit, ManySmallGroupsOfAllSizesMeetTheRatio) {
  std::vector<Record> records;
  for (int patient = 0; patient < 6000; ++patient) {
    for (int i = 0; i <= patient % 11; ++i) {
      Record record = image(fmt::format("{}-{}", patient, i), fmt::format("p{}", patient));
      record.repository = fmt::format("repository {}", patient % 3);
      record.labels = {fmt::format("class {}", patient % 5), fmt::format("class {}", (patient + i) % 7)};
      records.push_back(record);
    }
  }
  const SplitReport report = assign_split(records, {}, {}, {});
  EXPECT_NEAR(share(report, 0), 0.8, 0.001);
  EXPECT_NEAR(share(report, 1), 0.1, 0.001);
  EXPECT_EQ(report.strata.size(), 21U);
  EXPECT_LT(worst_deviation(report, {80, 10, 10}, 1)->share, 0.005);
  // No side has the large patients, or the small ones, to itself.
  std::map<std::string, std::set<std::string>> patients;
  for (const Record& record : records) {
    patients[record.split].insert(record.patient_id);
  }
  for (std::size_t side = 0; side < kSides; ++side) {
    const auto per_patient =
        static_cast<double>(report.images[side]) / static_cast<double>(patients[kSideNames[side]].size());
    EXPECT_NEAR(per_patient, 6.0, 0.2) << kSideNames[side];
  }
}

TEST(AssignSplit, LargeGroupsComeFirstAndSmallOnesFillUp) {
  std::vector<Record> records;
  const std::vector<int> sizes{1, 1, 1, 10, 1, 1, 10, 1, 10, 1, 1, 50, 1, 10, 1};
  for (std::size_t patient = 0; patient < sizes.size(); ++patient) {
    for (int i = 0; i < sizes[patient]; ++i) {
      records.push_back(image(fmt::format("{}-{}", patient, i), fmt::format("p{}", patient)));
    }
  }
  EXPECT_EQ(assign_split(records, {}, {}, {}).images, (std::array<std::int64_t, 3>{80, 10, 10}));
}

TEST(AssignSplit, SeveralClassesAnImageAreBalancedTogether) {
  std::vector<Record> records;
  for (int patient = 0; patient < 400; ++patient) {
    for (int i = 0; i <= 5 * patient * patient % 37; ++i) {
      records.push_back(image(fmt::format("{}-{}", patient, i), fmt::format("p{}", patient)));
      std::vector<std::string>& labels = records.back().labels;
      labels = {fmt::format("class {}", patient % 3)};
      if (i % 2 == 1) {
        labels.push_back(fmt::format("class {}", 3 + patient / 3 % 5));
      }
      if (i % 5 == 0) {
        labels.push_back(fmt::format("class {}", 8 + patient / 7 % 9));
      }
    }
  }
  const SplitReport report = assign_split(records, {}, {}, {});
  EXPECT_EQ(report.strata.size(), 17U);
  EXPECT_NEAR(share(report, 0), 0.8, 0.001);
  // 0.009; without the last changes of sides 0.017.
  EXPECT_LT(worst_deviation(report, {80, 10, 10}, 20)->share, 0.0125);
}

TEST(AssignSplit, ClassesOfOnePatientAreSpread) {
  std::vector<Record> alone = classes(1000, 1, 3);
  EXPECT_NEAR(share(assign_split(alone, {}, {}, {}), 0), 0.8, 0.002);
  std::vector<Record> pairs = classes(1000, 2, 3, true);
  EXPECT_NEAR(share(assign_split(pairs, {}, {}, {}), 0), 0.8, 0.03);
}

TEST(AssignSplit, AnotherSeedDrawsOtherPatients) {
  std::vector<Record> first = classes(1, 100, 1);
  std::vector<Record> same = first;
  std::vector<Record> other = first;
  assign_split(first, {}, {}, {.seed = 1});
  assign_split(same, {}, {}, {.seed = 1});
  assign_split(other, {}, {}, {.seed = 2});
  int differ = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].split, same[i].split);
    differ += first[i].split == other[i].split ? 0 : 1;
  }
  EXPECT_GT(differ, 10);
}

TEST(AssignSplit, TheSeedChoosesBetweenEqualSides) {
  int validation = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::vector<Record> one = classes(1, 1, 4);
    EXPECT_EQ(assign_split(one, {}, {}, {.seed = seed}).images[0], 4);
    std::vector<Record> four = classes(1, 4, 1);
    const SplitReport report = assign_split(four, {}, {}, {.seed = seed});
    EXPECT_EQ(report.images[0], 3);
    validation += static_cast<int>(report.images[1]);
  }
  EXPECT_NEAR(validation, 100, 35);  // five standard deviations of 7
}

TEST(AssignSplit, ASideWithoutPartStaysEmpty) {
  std::vector<Record> records = classes(50, 3, 2);
  const SplitReport report = assign_split(records, {}, {}, {.ratio = {3, 0, 1}});
  EXPECT_EQ(report.images[1], 0);
  EXPECT_NEAR(share(report, 2), 0.25, 0.02);
}

TEST(AssignSplit, GroupsAreNamedByTheirSmallestPatientOrImage) {
  std::vector<Record> records{image("c", "q"), image("b", "p"), image("a", ""), image("d", ""),
                              image("e", "")};
  records[3].study_id = records[4].study_id = "s";
  const SplitReport report = assign_split(records, clusters({1, 1, -1, -1, -1}), {}, {});
  EXPECT_EQ(records[0].group_id, "p");
  EXPECT_EQ(records[1].group_id, "p");
  EXPECT_EQ(records[2].group_id, "image:a");
  EXPECT_EQ(records[4].group_id, "image:d");
  EXPECT_EQ(report.groups, 3);
}

TEST(AssignSplit, TheLargestGroupSaysWhy) {
  std::vector<Record> records{image("a", "p"), image("b", "p"), image("c", "q"), image("d", "r")};
  EXPECT_EQ(assign_split(records, {}, {}, {}).largest.cause, "one patient");
  for (Record& record : records) {
    record.split.clear();
  }
  const LargestGroup largest = assign_split(records, clusters({-1, 5, 5, 5}), {}, {}).largest;
  EXPECT_EQ(largest.cause, "near-duplicates between 3 groups of patients");
  EXPECT_EQ(largest.images, 4);
  EXPECT_EQ(largest.patients, 3);
  EXPECT_EQ(largest.group_id, "p");
  EXPECT_EQ(largest.side, records[0].split);
  std::vector<Record> shared{image("a", "p"), image("b", "q")};
  shared[0].video_id = shared[1].video_id = "v";
  EXPECT_EQ(assign_split(shared, {}, {}, {}).largest.cause, "patients that share a study or a video");
  std::vector<Record> none;
  EXPECT_EQ(assign_split(none, {}, {}, {}).largest.images, 0);
}

TEST(AssignSplit, FixedSidesAreKeptAndCountInTheirStrata) {
  // Ten patients are in the repository's own test folder: none of the 90 others has to go there.
  std::vector<Record> records = classes(1, 100, 1);
  for (int i = 0; i < 10; ++i) {
    records[static_cast<std::size_t>(i)].split = "test";
  }
  const SplitReport report = assign_split(records, {}, {}, {});
  EXPECT_EQ(report.images, (std::array<std::int64_t, 3>{80, 10, 10}));
  EXPECT_EQ(records[3].split, "test");
}

TEST(AssignSplit, AnotherRepositoryNeedNotMakeUpForFixedSides) {
  std::vector<Record> records = classes(2, 100, 1, true);
  for (int i = 0; i < 100; ++i) {
    records[static_cast<std::size_t>(i)].split = "train";
  }
  const SplitReport report = assign_split(records, {}, {}, {});
  EXPECT_EQ(report.strata[1].images, (std::array<std::int64_t, 3>{80, 10, 10}));
}

TEST(AssignSplit, ContradictionsNameTwoImagesAndTheirTie) {
  std::vector<Record> records{image("a", "p", "train"), image("b", "p", "test"), image("c", "q")};
  EXPECT_ERROR(assign_split(records, {}, {}, {}), "a (train) and b (test): a and b have patient \"p\". Give");
  records[1].patient_id = "r";
  EXPECT_ERROR(assign_split(records, clusters({0, 0, -1}), {}, {}), "a and b are near-duplicates. Give");
  // By way of c.
  records[2].patient_id = "p";
  records[2].video_id = records[1].video_id = "v";
  EXPECT_ERROR(
      assign_split(records, {}, {}, {}),
      "in 1 of 1 groups the repositories' own rules contradict each other, the first: a (train) and b "
      "(test): a and c have patient \"p\"; c and b have video \"v\". Give");
}

TEST(AssignSplit, ContradictingTrainingImagesAreDroppedOnRequest) {
  // The public test set stays whole; of the training folder the near-copy goes, and the rest of its patient.
  std::vector<Record> records{image("a", "p", "train"), image("b", "q", "test"), image("c", "p", "train"),
                              image("d", "p"), image("e", "r", "train")};
  const SplitReport report =
      assign_split(records, clusters({3, 3, -1, -1, -1}), {}, {.on_conflict = OnConflict::kDrop});
  ASSERT_EQ(report.dropped.size(), 2U);
  EXPECT_EQ(report.dropped[0].index, 0U);
  EXPECT_EQ(report.dropped[1].index, 2U);
  EXPECT_EQ(report.dropped[0].side, "train");
  EXPECT_EQ(report.dropped[0].group_id, "p");
  EXPECT_EQ(records[0].split, "");
  EXPECT_EQ(records[1].split, "test");
  EXPECT_EQ(records[3].split, "test");
  EXPECT_EQ(records[4].split, "train");
  EXPECT_EQ(report.images, (std::array<std::int64_t, 3>{1, 0, 2}));
  EXPECT_EQ(report.strata[0].images, report.images);
}

TEST(AssignSplit, CopiesThatAreLeftOutTieAndAreNotCounted) {
  std::vector<Record> records{image("a", "p"), image("b", "q"), image("c", "q"), image("d", "r", "train"),
                              image("e", "s", "test")};
  for (Record& record : records) {
    record.sha256 = record.id < "d" ? "0123" : "4567";
  }
  // b is a near-copy of a and ties q to p; e, an exact copy of d, would contradict it.
  std::vector<SplitLink> links = clusters({0, 0, -1, -1, -1});
  links[1].is_left_out = links[4].is_left_out = true;
  const SplitReport report = assign_split(records, links, {image("b", "q", "validation")}, {});
  EXPECT_EQ(records[0].group_id, "p");
  EXPECT_EQ(records[2].group_id, "p");
  EXPECT_EQ(records[2].split, "validation");
  EXPECT_EQ(report.images, (std::array<std::int64_t, 3>{1, 2, 0}));
  EXPECT_EQ(report.groups, 2);  // e and its patient have no image
  EXPECT_EQ(report.largest.images, 2);
  EXPECT_EQ(records[3].split, "train");
}

TEST(AssignSplit, PartsOfOneSubjectStandOnBothSides) {
  std::vector<Record> records{image("a", "eye", "train"), image("b", "eye", "test"), image("c", "p")};
  std::vector<SplitLink> links{{.cluster = 1, .is_part = true}, {.cluster = 1, .is_part = true}, {}};
  records[0].video_id = records[1].video_id = "film";
  EXPECT_EQ(assign_split(records, links, {}, {}).groups, 3);
  EXPECT_EQ(records[0].group_id, "eye/train");
  EXPECT_EQ(records[1].group_id, "eye/test");
  // One file on both sides is never on purpose.
  std::vector<Record> copies{image("a", "eye", "train"), image("b", "eye", "test")};
  copies[0].sha256 = copies[1].sha256 = "0123";
  EXPECT_ERROR(assign_split(copies, {links[0], links[1]}, {}, {}), "a and b are the same file");
  // An image of somebody else that looks like both may stand on neither side.
  std::vector<Record> more{image("a", "eye", "train"), image("b", "eye", "test"), image("c", "p")};
  links[2].cluster = 1;
  EXPECT_ERROR(assign_split(more, links, {}, {}), "near-duplicates");
  // Nor may another image of the subject itself, which no rule holds out.
  links[2].cluster = -1;
  more[2].patient_id = "eye";
  EXPECT_ERROR(assign_split(more, links, {}, {}), "have patient \"eye\"");
}

TEST(AssignSplit, AGroupKeepsItsSideWhenDataIsAdded) {
  std::vector<Record> earlier = classes(3, 20, 2);
  assign_split(earlier, {}, {}, {});
  std::vector<Record> records = classes(5, 30, 3);
  const SplitReport report = assign_split(records, {}, earlier, {.seed = 9});
  EXPECT_TRUE(report.moves.empty());
  std::map<std::string, std::string> side_of;
  for (const Record& record : earlier) {
    side_of[record.patient_id] = record.split;
  }
  for (const Record& record : records) {
    const auto found = side_of.find(record.patient_id);
    EXPECT_TRUE(found == side_of.end() || found->second == record.split);
  }
  EXPECT_NEAR(share(report, 0), 0.8, 0.01);
}

TEST(AssignSplit, APatientKeepsItsSideWhenAllItsImagesAreReplaced) {
  for (const char* side : kSideNames) {
    std::vector<Record> records{image("new", "p")};
    EXPECT_TRUE(assign_split(records, {}, {image("old", "p", side)}, {}).moves.empty());
    EXPECT_EQ(records[0].split, side);
  }
}

TEST(AssignSplit, PartsThatAreGoneTieTheirOwnSideAlone) {
  std::vector<Record> earlier{image("a", "eye", "train"), image("b", "eye", "test")};
  earlier[0].group_id = "eye/train";
  earlier[1].group_id = "eye/test";
  earlier[0].study_id = "s";
  std::vector<Record> records{image("c", "p")};
  records[0].study_id = "s";
  assign_split(records, {}, earlier, {});
  EXPECT_EQ(records[0].split, "train");
}

TEST(AssignSplit, AJoinedGroupGoesToTheSideWorstToLeakInto) {
  std::vector<Record> records{image("a", "p"), image("b", "q"), image("c", "r"), image("d", "p")};
  const std::vector<Record> earlier{image("a", "p", "train"), image("b", "q", "validation"),
                                    image("c", "r", "test"), image("d", "p", "train")};
  const SplitReport report = assign_split(records, clusters({7, 7, 7, -1}), earlier, {});
  for (const Record& record : records) {
    EXPECT_EQ(record.split, "test");
  }
  ASSERT_EQ(report.moves.size(), 2U);
  EXPECT_EQ(report.moves[0].from, "train");
  EXPECT_EQ(report.moves[0].to, "test");
  EXPECT_EQ(report.moves[0].group_id, "p");
  EXPECT_EQ(report.moves[0].first, "a");
  EXPECT_EQ(report.moves[0].images, 2);
  EXPECT_EQ(report.moves[1].from, "validation");
}

TEST(AssignSplit, LabelsAreCountedOnceAndImageTypesStandIn) {
  std::vector<Record> records{image("a", "p"), image("b", "q")};
  records[0].labels = {"x", "y", "x"};
  const SplitReport report = assign_split(records, {}, {}, {.ratio = {1, 0, 0}});
  ASSERT_EQ(report.strata.size(), 3U);
  EXPECT_EQ(report.strata[0].label, "CT");
  EXPECT_EQ(report.strata[1].label, "x");
  EXPECT_EQ(report.strata[1].images[0], 1);
  EXPECT_EQ(worst_deviation(report, {1, 0, 0}, 2), std::nullopt);
}

TEST(AssignSplit, RefusesWhatItCannotFollow) {
  std::vector<Record> records{image("a", "p", "dev")};
  EXPECT_ERROR(assign_split(records, {}, {}, {}),
               "a: split: expected train, validation or test, found \"dev\"");
  records[0].split.clear();
  EXPECT_ERROR(assign_split(records, {}, {image("a", "p", "dev")}, {}), "earlier");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const std::vector<double>& ratio :
       {std::vector<double>{1, 1}, {0, 0, 0}, {1, -1, 1}, {1, nan, 1}, {}}) {
    EXPECT_ERROR(assign_split(records, {}, {}, {.ratio = ratio}), "ratio: expected three numbers");
  }
}

}  // namespace
}  // namespace medisyn
