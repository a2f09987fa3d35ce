#include "medisyn/eval/classify/config.h"

#include <numeric>

#include "../../expect_error.h"
#include "medisyn/core/files.h"
#include "medisyn/data/filter.h"
#include "medisyn/text/caption.h"

namespace medisyn {
namespace {

TEST(ClassifyConfig, AllThreeOfThePaperAreThere) {
  int files = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(MEDISYN_SOURCE) / "configs/classify")) {
    ++files;
    const auto config = read_config<ClassifyConfig>(entry.path());
    check_config(config);
    EXPECT_EQ(config.classes.size(), 4U) << entry.path();
    EXPECT_EQ(config.sources.size() * config.subsets.fractions.size() * config.seeds.size(), 120U);
    EXPECT_EQ(config.classifier.model, "resnet50");
    EXPECT_EQ(config.classifier.multi_label, entry.path().stem() == "chest_xray");
    EXPECT_TRUE(config.classifier.augmentation.empty());
    for (const ClassifyClassConfig& one : config.classes) {
      Record record;
      record.labels = {one.name};
      EXPECT_TRUE(parse_filter(one.real)(record)) << one.name;
    }
    EXPECT_EQ(placeholders(config.synthetic.prompt), std::vector<std::string>{"classes"});
  }
  EXPECT_EQ(files, 3);
}

TEST(ClassifyConfig, PublishedSizesOfTheThirdConfigAreThoseOfThePaper) {
  const auto config =
      read_config<ClassifyConfig>(fs::path(MEDISYN_SOURCE) / "configs/classify/prostatectomy.yaml");
  EXPECT_EQ(config.subsets.sizes,
            (std::vector<std::int64_t>{530, 1329, 2659, 3991, 5324, 13314, 26629, 53261}));
}

TEST(ClassifyConfig, KeysThatDoNotFitEachOtherAreNamed) {
  ClassifyConfig config;
  config.classes = {{"a", "labels=a", ""}, {"b", "labels=b", ""}};
  EXPECT_ERROR(check_config(config), "synthetic: expected images, model or by_fraction");
  config.synthetic.model = "m";
  check_config(config);
  config.subsets.sizes = {1, 2};
  EXPECT_ERROR(check_config(config), "subsets.sizes: expected a number of images for each of 8 fractions");
  config.subsets.sizes.clear();
  config.subsets.fractions = {10, 1};
  EXPECT_ERROR(check_config(config), "subsets.fractions: expected per cents above 0 in rising order");
  config.subsets.fractions = {1, 10};
  config.classes[0].unknown = "labels=maybe";
  EXPECT_ERROR(check_config(config), "class a: unknown: only a multi-label task knows missing labels");
  config.classes[0].unknown.clear();
  config.synthetic.by_fraction = {{.fraction = 1, .images = {}, .model = "m1"}};
  EXPECT_ERROR(check_config(config), "expected images and model, or by_fraction, found both");
  config.synthetic.model.clear();
  EXPECT_ERROR(check_config(config), "synthetic.by_fraction: none for the fraction of 10 %");
  config.sources = {"real"};
  config.seeds = {3, 3};
  EXPECT_ERROR(check_config(config), "seeds: one is there twice");
}

}  // namespace
}  // namespace medisyn
