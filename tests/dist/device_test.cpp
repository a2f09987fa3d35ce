#include "medisyn/dist/device.h"

#include <torch/cuda.h>

#include "../expect_error.h"
#include "medisyn/dist/cuda.h"

namespace medisyn {
namespace {

TEST(Device, NamesAndDtypes) {
  EXPECT_EQ(pick_device("cpu"), torch::Device(torch::kCPU));
  EXPECT_EQ(parse_dtype("bf16"), torch::kBFloat16);
  EXPECT_ERROR(parse_dtype("f32"), "--dtype f32: expected fp32, bf16 or fp16");
  EXPECT_ERROR(pick_device("gpu"), "--device gpu: expected auto, cpu, cuda or cuda:N");
  EXPECT_ERROR(pick_device("cuda:x"), "--device cuda:x: expected auto");
}

TEST(Device, MissingGpuIsAnErrorAndAutoTakesWhatIsThere) {
  const torch::Device chosen = pick_device("auto");
  if (built_with_cuda() && torch::cuda::is_available()) {
    EXPECT_EQ(chosen, torch::Device(torch::kCUDA, 0));
    EXPECT_ERROR(pick_device("cuda:99"), "GPU(s) found");
  } else {
    EXPECT_EQ(chosen, torch::Device(torch::kCPU));
    EXPECT_ERROR(pick_device("cuda"), built_with_cuda() ? "0 GPU(s) found" : "built without CUDA");
  }
}

TEST(Device, CudaModuleLoadsAndTellsItsVersions) {
  load_cuda();
  const std::string versions = cuda_versions();
  if (built_with_cuda()) {
    EXPECT_THAT(versions, testing::MatchesRegex("NCCL [0-9.]+, cuDNN [0-9.]+"));
  } else {
    EXPECT_EQ(versions, "");
  }
}

TEST(Device, CudaGraphDoesItsWorkAgainOnTheSameMemory) {
  load_cuda();
  const torch::Device gpu(torch::kCUDA, 0);
  if (!torch::cuda::is_available()) {
    EXPECT_THROW(record_cuda_graph(gpu, [] {}), std::exception);
    GTEST_SKIP() << "no GPU here";
  }
  torch::Tensor x = torch::ones({1000}, gpu), y = x * 2;
  const auto again = record_cuda_graph(gpu, [&] { y = x * 2; });
  x.fill_(5);
  again();
  EXPECT_EQ(y.sum().item<float>(), 10000);
  EXPECT_THROW(record_cuda_graph(gpu, [&] { (void)y.sum().item<float>(); }), c10::Error);  // asks the device
  EXPECT_EQ((x + 1).sum().item<float>(), 6000);  // the device goes on
}

}  // namespace
}  // namespace medisyn
