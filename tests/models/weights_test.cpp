#include "medisyn/models/weights.h"

#include <torch/types.h>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

class Weights : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fresh_folder();
    write_safetensors(folder_ / "model-00001-of-00002.safetensors", {{"a", torch::ones({2})}});
    write_safetensors(folder_ / "model-00002-of-00002.safetensors", {{"b", torch::zeros({3})}});
    write_index("model-00002-of-00002.safetensors");
  }
  void write_index(const std::string& shard_of_b) {
    write_file(index_path(),
               R"({"metadata": {}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": ")" +
                   shard_of_b + "\"}}");
  }
  fs::path index_path() const { return folder_ / "model.safetensors.index.json"; }

  fs::path folder_;
};

TEST_F(Weights, ShardsAreOneStateDict) {
  const TensorMap tensors = read_weights(find_weights(folder_, "model.safetensors"));
  EXPECT_EQ(tensors.size(), 2U);
  EXPECT_TRUE(torch::equal(tensors.at("a"), torch::ones({2})));
  EXPECT_TRUE(torch::equal(tensors.at("b"), torch::zeros({3})));
}

TEST_F(Weights, BrokenIndexesAreNamed) {
  write_index("model-00003-of-00002.safetensors");
  EXPECT_ERROR(read_weights(index_path()), "model-00003-of-00002.safetensors");
  write_index("model-00001-of-00002.safetensors");
  EXPECT_ERROR(read_weights(index_path()), "b");
  write_index("../model.safetensors");
  EXPECT_ERROR(read_weights(index_path()), "b: expected the name of a file beside it");
  write_file(index_path(), "[]");
  EXPECT_ERROR(read_weights(index_path()), "weight_map");
  EXPECT_ERROR(read_weights(folder_ / "model.onnx"), "expected weights");
}

TEST_F(Weights, TheFirstOfTheKnownNamesIsTaken) {
  const fs::path empty = folder_ / "other";
  fs::create_directories(empty);
  EXPECT_ERROR(find_weights(empty, "model.safetensors"), "model.safetensors: no such file");
  write_file(empty / "pytorch_model.bin", "");
  EXPECT_EQ(find_weights(empty, "model.safetensors"), empty / "pytorch_model.bin");
  write_file(empty / "model.fp16.safetensors", "");
  EXPECT_EQ(find_weights(empty, "model.safetensors"), empty / "model.fp16.safetensors");
  EXPECT_EQ(find_weights(folder_, "model.safetensors"), index_path());
}

}  // namespace
}  // namespace medisyn
