// Files that NumPy wrote (scripts/golden/npz_files.py), our own, cut and hostile ones.
#include "medisyn/io/npz.h"

#include <gtest/gtest.h>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

const fs::path kGolden = MEDISYN_TEST_DATA;

void expect_golden(const TensorMap& arrays) {
  EXPECT_EQ(arrays.size(), 6U);
  const torch::Tensor base = torch::arange(12, torch::kDouble).view({3, 4});
  EXPECT_TRUE(torch::equal(arrays.at("mu"), base / 8));
  EXPECT_TRUE(torch::equal(arrays.at("turned"), base.to(torch::kFloat)));
  EXPECT_TRUE(torch::equal(arrays.at("line"), torch::tensor({1, 2, 3}, torch::kLong)));
  EXPECT_EQ(arrays.at("single").dim(), 0);
  EXPECT_EQ(arrays.at("single").item<double>(), 2.5);
  EXPECT_EQ(arrays.at("empty").sizes(), (std::vector<std::int64_t>{0, 3}));
  EXPECT_TRUE(torch::equal(arrays.at("flags"), torch::tensor({true, false})));
}

TEST(Npz, ReadsWhatNumPyWrites) {
  expect_golden(read_npz(kGolden / "stored.npz"));
  expect_golden(read_npz(kGolden / "deflated.npz"));
}

TEST(Npz, ReadsItsOwn) {
  const fs::path folder = fresh_folder();
  const TensorMap arrays = read_npz(kGolden / "stored.npz");
  write_npz(folder / "a.npz", arrays);
  write_npz(folder / "b.npz", arrays);
  expect_golden(read_npz(folder / "a.npz"));
  EXPECT_EQ(read_file(folder / "a.npz"), read_file(folder / "b.npz"));
}

TEST(Npz, RefusesWhatIsNone) {
  const fs::path folder = fresh_folder();
  EXPECT_ERROR(read_npz(folder / "none.npz"), "none.npz: expected a .npz file, found nothing");
  write_file(folder / "text.npz", "no archive at all");
  EXPECT_ERROR(read_npz(folder / "text.npz"), "text.npz: expected a .npz file of NumPy");
  EXPECT_ERROR(read_npz(kGolden / "objects.npz"), "objects.npz: code.npy: expected numbers of up to 8 bytes");
}

TEST(Npz, EveryMutationIsReadOrRefused) {
  const fs::path folder = fresh_folder();
  int refused = 0;
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const std::string whole = read_file(kGolden / name);
    const auto attempt = [&](const std::string& bytes) {
      write_file(folder / "x.npz", bytes);
      try {
        read_npz(folder / "x.npz");
      } catch (const Error&) {
        ++refused;
      }
    };
    for (std::size_t length = 0; length < whole.size(); length += 41) {
      attempt(whole.substr(0, length));
    }
    for (std::size_t at = 0; at < whole.size(); at += 7) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
      attempt(bytes);
    }
  }
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace medisyn
