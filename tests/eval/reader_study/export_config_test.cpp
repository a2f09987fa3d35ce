#include "medisyn/eval/reader_study/export_config.h"

#include <gtest/gtest.h>

namespace medisyn {
namespace {

TEST(ReaderStudyConfig, BothStudiesOfThePaperAreThere) {
  for (const char* name : {"surgery.yaml", "retina.yaml"}) {
    const auto config =
        read_config<ReaderStudyConfig>(fs::path(MEDISYN_SOURCE) / "configs/reader_study" / name);
    const DesignCounts counts = config.counts();
    EXPECT_EQ(counts.real_real + counts.synthetic_synthetic + counts.mixed, 102);
    EXPECT_EQ(counts.real + counts.synthetic, 132);
    EXPECT_EQ(config.classes.size(), 3U);
    EXPECT_EQ(config.features.extractor, "biomedclip");
    EXPECT_EQ(config.readers.begin()->second, 5);
    EXPECT_FALSE(config.consent.empty() || config.instructions.empty());
  }
}

}  // namespace
}  // namespace medisyn
