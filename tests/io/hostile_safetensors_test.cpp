// 300 damaged files: an error with one line each, or a file that is whole after all; never a crash, a hang or
// a read outside the mapping (the asan preset watches).
#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "../mutations.h"
#include "medisyn/core/files.h"
#include "medisyn/io/safetensors.h"

namespace medisyn {
namespace {

constexpr int kFiles = 50;  ///< of each kind

class HostileSafetensors : public testing::Test {
 protected:
  void SetUp() override {
    torch::manual_seed(1);
    write_safetensors(folder_ / "good.safetensors",
                      {{"a.weight", torch::rand({7, 5})},
                       {"b.weight", torch::rand({3, 2, 2}).to(torch::kBFloat16)},
                       {"c", torch::arange(4)}},
                      {{"format", "pt"}});
    good_ = read_file(folder_ / "good.safetensors");
    std::uint64_t length = 0;
    std::memcpy(&length, good_.data(), sizeof length);
    header_ = sizeof length + length;
  }

  /// True when the file was refused. Reads every byte of every tensor otherwise.
  bool is_refused(const std::string& bytes) const {
    const fs::path file = folder_ / "bad.safetensors";
    write_file(file, bytes);
    try {
      for (const auto& [name, tensor] : Safetensors(file).all()) {
        EXPECT_LE(tensor.nbytes(), bytes.size()) << name;
        EXPECT_GE(tensor.to(torch::kDouble).isfinite().sum().item<std::int64_t>(), 0);
      }
      return false;
    } catch (const Error& error) {
      const std::string text = error.what();
      EXPECT_THAT(text, testing::HasSubstr("bad.safetensors"));
      EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 0) << text;
      return true;
    }
  }

  /// The good file with another header, whose length is right.
  std::string with_header(const std::string& header) const {
    const std::uint64_t length = header.size();
    std::string bytes(sizeof length, '\0');
    std::memcpy(bytes.data(), &length, sizeof length);
    return bytes.append(header).append(good_, header_, std::string::npos);
  }
  std::string header() const { return good_.substr(8, header_ - 8); }

  fs::path folder_ = fresh_folder();
  std::string good_;
  std::size_t header_ = 0;
};

TEST_F(HostileSafetensors, TheWholeFileIsRead) {
  EXPECT_FALSE(is_refused(good_));
  EXPECT_FALSE(is_refused(with_header(header())));
}

TEST_F(HostileSafetensors, TruncatedFilesAreRefused) {
  Mutations mutations(1);
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_TRUE(is_refused(mutations.truncated(good_))) << i;
  }
}

TEST_F(HostileSafetensors, LengthsThatLieAreRefused) {
  Mutations mutations(2);
  for (int i = 0; i < kFiles; ++i) {
    std::string bytes = good_;
    for (std::size_t byte = 0; byte < sizeof(std::uint64_t); ++byte) {
      bytes[byte] = static_cast<char>(mutations.below(256));
    }
    EXPECT_TRUE(is_refused(bytes)) << i;
  }
}

TEST_F(HostileSafetensors, FlippedAndOverwrittenHeadersNeverReadOutside) {
  Mutations mutations(3);
  int refused = 0;
  for (int i = 0; i < kFiles; ++i) {
    refused += is_refused(mutations.flipped(good_, header_));
    refused += is_refused(mutations.overwritten(good_, header_));
  }
  EXPECT_GT(refused, kFiles) << "a letter of a name may change and leave a good file, most else not";
}

TEST_F(HostileSafetensors, HeadersThatContradictThemselvesAreRefused) {
  const std::array<std::pair<const char*, const char*>, 10> kLies{
      {{"[7,5]", "[7,6]"},
       {"[7,5]", "[-7,-5]"},
       {"[7,5]", "[9223372036854775807,5]"},
       {"[7,5]", "[4294967296,4294967296]"},
       {"[7,5]", "[7.5,5]"},
       {"\"F32\"", "\"F16\""},
       {"\"F32\"", "\"F33\""},
       {"\"shape\"", "\"shap\""},
       {"\"data_offsets\":[0,", "\"data_offsets\":[4,"},
       {"b.weight", "a.weight"}}};
  for (const auto& [from, to] : kLies) {
    const std::string lie = Mutations::replaced(header(), from, to);
    ASSERT_NE(lie, header()) << from;
    EXPECT_TRUE(is_refused(with_header(lie))) << from << " -> " << to;
  }
}

TEST_F(HostileSafetensors, DeepAndHugeHeadersAreRefusedAtOnce) {
  Mutations mutations(4);
  for (int i = 0; i < kFiles; ++i) {
    const std::size_t depth = 1000 + mutations.below(200000);
    const std::string open(depth, i % 2 == 0 ? '[' : '{');
    EXPECT_TRUE(is_refused(with_header("{\"a\":" + open))) << i;
    const std::string many =
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[" + std::string(depth, '1') + "],\"data_offsets\":[0,140]}}";
    EXPECT_TRUE(is_refused(with_header(many))) << i;
  }
}

}  // namespace
}  // namespace medisyn
