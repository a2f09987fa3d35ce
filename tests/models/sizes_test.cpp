// The published sizes of the networks without a config; the others' are in
// tests/pipeline/model_folder_test.cpp.
#include <gtest/gtest.h>
#include <torch/types.h>

#include "medisyn/models/biomedclip.h"
#include "medisyn/models/efficientnet_lite0.h"
#include "medisyn/models/hf_folder.h"
#include "medisyn/models/inception_v3.h"
#include "medisyn/models/resnet_50.h"

namespace medisyn {
namespace {

TEST(Sizes, BiomedClip) {
  const UninitialisedParameters guard;
  EXPECT_EQ(parameter_count(*BertModel(BertConfig{})), 109'482'240);  // with the pooler
  EXPECT_EQ(parameter_count(*BiomedClip()), 195'902'721);
}

TEST(Sizes, Classifiers) {
  EXPECT_EQ(parameter_count(*ResNet50()), 25'557'032);
  EXPECT_EQ(parameter_count(*InceptionV3()), 23'850'960);
}

TEST(Sizes, EfficientNetLite0) { EXPECT_EQ(parameter_count(*EfficientNetLite0()), 4'652'008); }

}  // namespace
}  // namespace medisyn
