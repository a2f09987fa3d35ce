// Files that torch.save wrote (scripts/golden/torch_files.py), whole, cut and hostile.
#include "medisyn/io/torch_file.h"

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

const fs::path kGolden = MEDISYN_TEST_DATA;

TEST(TorchFile, ReadsAStateDict) {
  const TensorMap tensors = read_torch_file(kGolden / "state_dict.pt");
  const torch::Tensor base = torch::arange(12, torch::kFloat).reshape({3, 4});
  EXPECT_EQ(tensors.size(), 7U);
  EXPECT_TRUE(torch::equal(tensors.at("whole"), base));
  EXPECT_TRUE(torch::equal(tensors.at("turned"), base.t()));
  EXPECT_TRUE(torch::equal(tensors.at("part"), base.slice(0, 1).slice(1, 2)));
  EXPECT_TRUE(torch::equal(tensors.at("half"), torch::tensor({1.5, -2.0}).to(torch::kBFloat16)));
  EXPECT_EQ(tensors.at("count").item<std::int64_t>(), 7);
  EXPECT_TRUE(torch::equal(tensors.at("parameter"), torch::ones({2})));
  EXPECT_EQ(tensors.at("empty").sizes(), (std::vector<std::int64_t>{0, 3}));
}

TEST(TorchFile, ACheckpointGivesItsStateDict) {
  const TensorMap tensors = read_torch_file(kGolden / "checkpoint.pt");
  EXPECT_EQ(tensors.size(), 1U);
  EXPECT_EQ(tensors.at("weight").sizes(), (std::vector<std::int64_t>{3, 4}));
}

// model.state_dict() is an OrderedDict with a state, _metadata; 30 layers need the long form of the pickle's
// places.
TEST(TorchFile, ReadsWhatAModelGives) {
  const TensorMap tensors = read_torch_file(kGolden / "model.pt");
  EXPECT_EQ(tensors.size(), 150U);
  EXPECT_TRUE(torch::equal(tensors.at("29.running_var"), torch::ones({2})));
  EXPECT_EQ(tensors.at("7.num_batches_tracked").item<std::int64_t>(), 0);
  EXPECT_EQ(read_torch_file(kGolden / "model_checkpoint.pt").size(), 5U);
}

TEST(TorchFile, ReadsTheFormatBeforeTorch16) {
  const TensorMap tensors = read_torch_file(kGolden / "legacy.pt");
  EXPECT_EQ(tensors.size(), 1U);
  EXPECT_TRUE(torch::equal(tensors.at("weight"), torch::arange(12, torch::kFloat).reshape({3, 4})));
  const TensorMap shared = read_torch_file(kGolden / "legacy_state_dict.pt");
  EXPECT_EQ(shared.size(), 7U);
  for (const auto& [name, tensor] : read_torch_file(kGolden / "state_dict.pt")) {
    EXPECT_TRUE(torch::equal(shared.at(name), tensor)) << name;
    EXPECT_EQ(shared.at(name).strides(), tensor.strides()) << name;
  }
  EXPECT_EQ(read_torch_file(kGolden / "legacy_model.pt").size(), 5U);
}

TEST(TorchFile, RefusesWhatIsNoStateDict) {
  EXPECT_ERROR(read_torch_file(kGolden / "clip_small_merges.txt"), "expected a file of torch.save");
  EXPECT_ERROR(read_torch_file(kGolden / "list.pt"), "expected a state dict");
  EXPECT_ERROR(read_torch_file(kGolden / "code.pt"), "code.pt: ");
  EXPECT_ERROR(read_torch_file(kGolden / "endless.pt"), "expected name -> tensor, found a GenericDict");
  EXPECT_ERROR(read_torch_file(kGolden / "none.pt"), "none.pt");
}

class TorchFileMutations : public testing::TestWithParam<const char*> {};

TEST_P(TorchFileMutations, AreReadOrRefused) {
  const fs::path folder = fresh_folder();
  const std::string whole = read_file(kGolden / GetParam());
  int refused = 0;
  const auto attempt = [&](const std::string& bytes) {
    write_file(folder / "x.pt", bytes);
    try {
      for (const auto& [name, tensor] : read_torch_file(folder / "x.pt")) {
        EXPECT_TRUE(tensor.sum().defined()) << name;  // touches every value
      }
    } catch (const Error&) {
      ++refused;
    }
  };
  for (std::size_t length = 0; length < whole.size(); length += 37) {
    attempt(whole.substr(0, length));
  }
  EXPECT_GT(refused, 20);
  for (std::size_t at = 0; at < whole.size(); at += 5) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    attempt(bytes);
  }
}
INSTANTIATE_TEST_SUITE_P(Formats, TorchFileMutations,
                         testing::Values("state_dict.pt", "legacy_state_dict.pt"));

}  // namespace
}  // namespace medisyn
