#include "medisyn/eval/statistics_file.h"

#include <gtest/gtest.h>

#include <limits>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/io/npz.h"

namespace medisyn {
namespace {

TEST(StatisticsFile, ReadsWhatItWrote) {
  torch::manual_seed(1);
  const fs::path file = fresh_folder() / "real.npz";
  const Moments moments = moments_of(statistics_of(torch::randn({20, 6})));
  const Json description = {{"extractor", "inception"}, {"mode", "clean-fid"}};
  write_statistics(file, {moments, description});
  const StatisticsFile found = read_statistics(file);
  EXPECT_TRUE(torch::equal(found.moments.mean, moments.mean));
  EXPECT_TRUE(torch::equal(found.moments.covariance, moments.covariance));
  EXPECT_EQ(found.moments.count, 20);
  EXPECT_EQ(found.description, description);
  EXPECT_TRUE(is_statistics_file(file));
  EXPECT_FALSE(is_statistics_file("images"));
}

TEST(StatisticsFile, RefusesOthers) {
  const fs::path folder = fresh_folder();
  const auto attempt = [&](const TensorMap& arrays) {
    write_npz(folder / "x.npz", arrays);
    return read_statistics(folder / "x.npz");
  };
  const torch::Tensor mean = torch::zeros({3});
  EXPECT_ERROR(read_statistics(folder / "none.npz"), "none.npz");
  EXPECT_ERROR(attempt({{"mu", mean}}),
               "x.npz: expected the arrays mu and sigma of pytorch-fid or clean-fid, "
               "found no sigma");
  EXPECT_ERROR(attempt({{"mu", mean}, {"sigma", mean}}), "sigma: expected 2 dimensions, found 1");
  EXPECT_ERROR(attempt({{"mu", mean}, {"sigma", torch::zeros({3, 2})}}), "expected [3, 3]");
  const torch::Tensor broken = torch::full({3, 3}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_ERROR(attempt({{"mu", mean}, {"sigma", broken}}), "sigma: expected finite numbers");
  EXPECT_EQ(attempt({{"mu", mean}, {"sigma", torch::eye(3)}}).moments.count, 0);
}

}  // namespace
}  // namespace medisyn
