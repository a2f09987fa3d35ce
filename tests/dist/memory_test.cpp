#include "medisyn/dist/memory.h"

#include <gtest/gtest.h>
#include <torch/cuda.h>

#include <cstring>
#include <vector>

#include "medisyn/dist/cuda.h"

namespace medisyn {
namespace {

constexpr std::int64_t kMebibyte = 1 << 20;

TEST(Memory, PeakOfTheHostGrowsWithWhatIsTouchedAndStays) {
  const std::int64_t before = peak_host_bytes();
  EXPECT_GT(before, kMebibyte);
  {
    std::vector<char> touched(static_cast<std::size_t>(200 * kMebibyte + before), 1);
    EXPECT_EQ(touched.back(), 1);
  }
  const std::int64_t after = peak_host_bytes();
  EXPECT_GE(after, before + 200 * kMebibyte);
  EXPECT_LT(after, 2 * before + 300 * kMebibyte);
  EXPECT_GE(peak_host_bytes(), after);
}

TEST(Memory, OfAGpuCountsTensors) {
  EXPECT_FALSE(device_memory(torch::kCPU).has_value());
  if (!built_with_cuda()) {
    GTEST_SKIP() << "built without CUDA";
  }
  const torch::Device gpu(torch::kCUDA, 0);
  const auto first = device_memory(gpu);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->current, 0);
  EXPECT_EQ(first->peak, 0);
  if (!torch::cuda::is_available()) {
    GTEST_SKIP() << "no GPU here";
  }
  const torch::Tensor kept = torch::ones({8 * kMebibyte}, torch::TensorOptions(torch::kByte).device(gpu));
  EXPECT_EQ(device_memory(gpu)->current, 8 * kMebibyte);
  torch::Tensor more = torch::ones({16 * kMebibyte}, kept.options());
  more.reset();
  EXPECT_EQ(device_memory(gpu)->current, 8 * kMebibyte);
  EXPECT_EQ(device_memory(gpu)->peak, 24 * kMebibyte);
}

}  // namespace
}  // namespace medisyn
