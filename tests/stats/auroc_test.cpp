#include "medisyn/stats/auroc.h"

#include <cmath>
#include <limits>

#include "../expect_error.h"
#include "golden_scores.h"

namespace medisyn {
namespace {

constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();

TEST(Auroc, EqualsScikitLearn) {
  const Json cases = golden_aurocs("aurocs");
  ASSERT_GE(cases.size(), 20U);
  for (const Json& entry : cases) {
    const GoldenScores made = golden_scores(entry, entry["seed"]);
    EXPECT_NEAR(auroc(made.scores, made.positives).value(), entry["auroc"].get<double>(), 1e-12)
        << entry.dump();
    EXPECT_NEAR(auroc(made.scores, made.positives, made.weights).value(), entry["weighted"].get<double>(),
                1e-12)
        << entry.dump();
  }
}

TEST(Auroc, CountsPairs) {
  // Positives 3 and 1 against negatives 2 and 1: won, won, lost, tied.
  EXPECT_EQ(auroc(std::vector<double>{3, 2, 1, 1}, std::vector<std::uint8_t>{1, 0, 1, 0}), 2.5 / 4);
  EXPECT_EQ(auroc(std::vector<double>{1, 1, 1}, std::vector<std::uint8_t>{1, 0, 0}), 0.5);
  // A weight of 2 is as good as the image twice, one of 0 as good as none.
  EXPECT_EQ(auroc(std::vector<double>{3, 2, 1, 9}, std::vector<std::uint8_t>{1, 0, 1, 0},
                  std::vector<double>{2, 1, 1, 0}),
            auroc(std::vector<double>{3, 3, 2, 1}, std::vector<std::uint8_t>{1, 1, 0, 1}));
}

TEST(Auroc, OfOneKindAloneIsAbsent) {
  const std::vector<double> scores = {1, 2, 3};
  EXPECT_FALSE(auroc({}, {}));
  EXPECT_FALSE(auroc(scores, std::vector<std::uint8_t>{0, 0, 0}));
  EXPECT_FALSE(auroc(scores, std::vector<std::uint8_t>{1, 1, 1}));
  EXPECT_FALSE(auroc(scores, std::vector<std::uint8_t>{1, 0, 0}, std::vector<double>{0, 1, 1}));
}

TEST(Auroc, BrokenInputIsAnError) {
  const std::vector<std::uint8_t> positives = {1, 0};
  EXPECT_ERROR(auroc(std::vector<double>{std::nan(""), 1}, positives), "not finite");
  EXPECT_ERROR(auroc(std::vector<double>{1, 2}, positives, std::vector<double>{1, -1}), "weights of 0");
  EXPECT_ERROR(auroc(std::vector<double>{1, 2, 3}, positives), "3 scores");
  EXPECT_ERROR(class_aurocs(std::vector<double>(5), std::vector<float>(5), 2), "rows of 2");
}

TEST(ClassAurocs, LeavesOutWhatIsUnknownAndClassesThatAreAbsent) {
  const std::vector<double> scores = {0.9, 0.3, 0.5,  //
                                      0.1, 0.7, 0.5,  //
                                      0.8, 0.2, 0.5,  //
                                      0.2, 0.6, 0.5};
  const std::vector<float> targets = {1, 0,        0,  //
                                      0, kUnknown, 0,  //
                                      0, 1,        0,  //
                                      1, 0,        kUnknown};
  const ClassAurocs found = class_aurocs(scores, targets, 3);
  EXPECT_EQ(found.classes[0], 0.75);  // 0.9 and 0.2 against 0.1 and 0.8
  EXPECT_EQ(found.classes[1], 0);     // 0.2 against 0.3 and 0.6
  EXPECT_FALSE(found.classes[2]);
  EXPECT_EQ(found.macro, 0.375);
  const ClassColumn column = class_column(scores, targets, 3, 1);
  EXPECT_EQ(column.scores, (std::vector<double>{0.3, 0.2, 0.6}));
  EXPECT_EQ(column.positives, (std::vector<std::uint8_t>{0, 1, 0}));
  EXPECT_FALSE(class_aurocs(std::vector<double>{1, 2}, std::vector<float>{1, 1}, 1).macro);
}

}  // namespace
}  // namespace medisyn
