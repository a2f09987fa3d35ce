#include "medisyn/dist/peak_flops.h"

#include <gtest/gtest.h>
#include <torch/cuda.h>

#include <vector>

#include "medisyn/dist/cuda.h"

namespace medisyn {
namespace {

TEST(PeakFlops, ArePublished) {
  struct Case {
    std::string gpu;
    double bfloat16, single;
  };
  const std::vector<Case> cases = {{"NVIDIA A100-SXM4-80GB", 312e12, 19.5e12},
                                   {"NVIDIA A100-PCIE-40GB", 312e12, 19.5e12},
                                   {"NVIDIA A100 80GB PCIe", 312e12, 19.5e12},
                                   {"NVIDIA H100 80GB HBM3", 989e12, 67e12},
                                   {"NVIDIA H100 PCIe", 756e12, 51e12},
                                   {"NVIDIA H200", 989e12, 67e12},
                                   {"NVIDIA B200", 2250e12, 75e12},
                                   {"NVIDIA L40S", 362e12, 91.6e12},
                                   {"NVIDIA GeForce RTX 4090", 165e12, 82.6e12},
                                   {"NVIDIA GeForce RTX 3090", 71e12, 35.6e12}};
  for (const Case& one : cases) {
    EXPECT_EQ(peak_flops_of_gpu(one.gpu, torch::kBFloat16), one.bfloat16) << one.gpu;
    EXPECT_EQ(peak_flops_of_gpu(one.gpu, torch::kHalf), one.bfloat16) << one.gpu;
    EXPECT_EQ(peak_flops_of_gpu(one.gpu, torch::kFloat), one.single) << one.gpu;
  }
}

// Multiprocessors x operations per clock (whitepapers: fp16 with sums in fp32, dense; fp32) x boost clock,
// which is what the datasheets round.
TEST(PeakFlops, AreUnitsTimesClock) {
  struct Case {
    std::string gpu;
    double processors, half_per_clock, single_per_clock, clock;
  };
  const std::vector<Case> cases = {{"Tesla V100-SXM2-16GB", 80, 1024, 128, 1.53e9},
                                   {"Tesla V100-PCIE-32GB", 80, 1024, 128, 1.37e9},
                                   {"Tesla V100S-PCIE-32GB", 80, 1024, 128, 1.597e9},
                                   {"Tesla T4", 40, 1024, 128, 1.59e9},
                                   {"NVIDIA A100-SXM4-40GB", 108, 2048, 128, 1.41e9},
                                   {"NVIDIA A40", 84, 1024, 256, 1.74e9},
                                   {"NVIDIA A30", 56, 2048, 128, 1.44e9},
                                   {"NVIDIA A10", 72, 1024, 256, 1.695e9},
                                   {"NVIDIA RTX A6000", 84, 1024, 256, 1.8e9},
                                   {"NVIDIA GeForce RTX 3090", 82, 512, 256, 1.695e9},
                                   {"NVIDIA GeForce RTX 4090", 128, 512, 256, 2.52e9},
                                   {"NVIDIA GeForce RTX 5090", 170, 512, 256, 2.407e9},
                                   {"NVIDIA RTX 6000 Ada Generation", 142, 1024, 256, 2.505e9},
                                   {"NVIDIA L40S", 142, 1024, 256, 2.52e9},
                                   {"NVIDIA L40", 142, 512, 256, 2.49e9},
                                   {"NVIDIA L4", 58, 1024, 256, 2.04e9}};
  for (const Case& one : cases) {
    const double half = one.processors * one.half_per_clock * one.clock;
    const double single = one.processors * one.single_per_clock * one.clock;
    EXPECT_NEAR(peak_flops_of_gpu(one.gpu, torch::kHalf).value_or(0) / half, 1, 0.015) << one.gpu;
    EXPECT_NEAR(peak_flops_of_gpu(one.gpu, torch::kFloat).value_or(0) / single, 1, 0.015) << one.gpu;
  }
}

TEST(PeakFlops, NothingForWhatIsNotKnown) {
  for (const char* gpu : {"", "NVIDIA", "NVIDIA GeForce GTX 1080", "NVIDIA GeForce RTX 3090 Ti",
                          "NVIDIA A100-SXM4-40GB MIG 1g.5gb", "NVIDIA H100", "AMD Instinct MI300X"}) {
    EXPECT_EQ(peak_flops_of_gpu(gpu, torch::kFloat), std::nullopt) << gpu;
  }
  EXPECT_EQ(peak_flops_of_gpu("Tesla V100-SXM2-16GB", torch::kBFloat16), std::nullopt);
  EXPECT_EQ(peak_flops_of_gpu("Tesla V100-SXM2-16GB", torch::kHalf), 125e12);
  EXPECT_EQ(peak_flops_of_gpu("NVIDIA H200", torch::kDouble), std::nullopt);
  EXPECT_EQ(peak_flops(torch::kCPU, torch::kFloat), std::nullopt);
}

TEST(PeakFlops, OfThisMachinesGpu) {
  load_cuda();
  const torch::Device gpu(torch::kCUDA, 0);
  if (!torch::cuda::is_available()) {
    EXPECT_THROW(gpu_name(gpu), std::exception);
    EXPECT_THROW(peak_flops(gpu, torch::kFloat), std::exception);
    GTEST_SKIP() << "no GPU here";
  }
  EXPECT_NE(gpu_name(gpu), "");
  EXPECT_EQ(peak_flops(gpu, torch::kBFloat16), peak_flops_of_gpu(gpu_name(gpu), torch::kBFloat16));
}

}  // namespace
}  // namespace medisyn
