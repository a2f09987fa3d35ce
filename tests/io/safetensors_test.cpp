#include "medisyn/io/safetensors.h"

#include <torch/types.h>

#include <cstring>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

/// A file of a header text and `data` zero bytes.
fs::path file_of(const fs::path& path, const std::string& header, std::size_t data) {
  const std::uint64_t length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  write_file(path, bytes + header + std::string(data, '\0'));
  return path;
}

TEST(Safetensors, RoundTripOfEveryTypeAndShape) {
  const fs::path file = fresh_folder() / "x.safetensors";
  TensorMap tensors;
  for (const auto dtype : {torch::kDouble, torch::kFloat, torch::kHalf, torch::kBFloat16, torch::kLong,
                           torch::kInt, torch::kShort, torch::kChar, torch::kByte, torch::kBool}) {
    tensors[std::string("t.") + torch::toString(dtype)] = (torch::arange(6).reshape({2, 3}) % 2).to(dtype);
  }
  tensors["scalar"] = torch::tensor(2.5F);
  tensors["empty"] = torch::empty({0, 4});
  tensors["transposed"] = torch::arange(6.0F).reshape({2, 3}).t();
  tensors["mäß \"quoted\""] = torch::ones(1);
  write_safetensors(file, tensors, {{"format", "pt"}});
  const Safetensors read(file);
  EXPECT_EQ(read.metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
  EXPECT_EQ(read.names().size(), tensors.size());
  for (const auto& [name, tensor] : read.all()) {
    EXPECT_EQ(tensor.dtype(), tensors.at(name).dtype()) << name;
    EXPECT_TRUE(torch::equal(tensor, tensors.at(name))) << name;
  }
  const std::string bytes = read_file(file);
  write_safetensors(file, tensors, {{"format", "pt"}});
  EXPECT_EQ(read_file(file), bytes);
}

TEST(Safetensors, TensorsOutliveTheReaderAndNeverWriteIntoTheFile) {
  const fs::path file = fresh_folder() / "x.safetensors";
  write_safetensors(file, {{"a", torch::ones(3)}});
  const std::string before = read_file(file);
  torch::Tensor tensor = Safetensors(file).tensor("a");
  tensor.fill_(7);
  EXPECT_EQ(tensor.sum().item<float>(), 21);
  EXPECT_EQ(read_file(file), before);
  EXPECT_ERROR(Safetensors(file).tensor("b"), "no tensor b in this file");
}

TEST(Safetensors, MemoryOfATensorGoesWithIt) {
  const fs::path file = fresh_folder() / "x.safetensors";
  constexpr std::int64_t kCount = 1 << 18;  // 1 MB each
  write_safetensors(file, {{"a", torch::full({kCount}, 1.0F)}, {"b", torch::full({kCount}, 2.0F)}});
  const Safetensors reader(file);
  torch::Tensor a = reader.tensor("a"), b = reader.tensor("b");
  a.fill_(7);
  b.fill_(8);
  torch::Tensor view = a.slice(0, 10);
  a = torch::Tensor();
  EXPECT_EQ(view.sum().item<float>(), 7.0F * (kCount - 10));  // a view keeps it
  view = torch::Tensor();
  EXPECT_EQ(b.sum().item<float>(), 8.0F * kCount);  // its neighbour does not go with it
  // What was written is gone, but for the ends, which share a page with others.
  const torch::Tensor again = reader.tensor("a").slice(0, 2048, kCount - 2048);
  EXPECT_EQ(again.sum().item<float>(), 1.0F * again.numel());
}

TEST(Safetensors, ReleasedViewsAreReadAgainAndOtherTensorsKept) {
  const fs::path file = fresh_folder() / "x.safetensors";
  constexpr std::int64_t kCount = 1 << 18;  // 1 MB
  write_safetensors(file, {{"a", torch::ones(kCount)}, {"b", torch::ones(kCount)}});
  TensorMap read = Safetensors(file).all();
  torch::Tensor a = read.at("a"), b = read.at("b"), own = torch::ones(kCount);
  for (torch::Tensor* tensor : {&a, &b, &own}) {
    tensor->fill_(7);
  }
  release_mapped(a);
  release_mapped(own);
  release_mapped(torch::ones(3).expand({kCount, 3}));
  EXPECT_EQ(a[kCount / 2].item<float>(), 1);  // what was written is gone
  EXPECT_EQ(b.sum().item<double>(), 7.0 * kCount);
  EXPECT_EQ(own.sum().item<double>(), 7.0 * kCount);
  fs::remove(file);
  release_mapped(b);
  EXPECT_EQ(b[kCount / 2].item<float>(), 1);  // the file lives as long as it is mapped
}

TEST(Safetensors, EveryTruncationIsAnError) {
  const fs::path folder = fresh_folder();
  write_safetensors(folder / "x", {{"a", torch::ones({3, 5})}, {"b", torch::ones(2, torch::kLong)}});
  const std::string whole = read_file(folder / "x");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_file(folder / "cut", whole.substr(0, size));
    EXPECT_ERROR(Safetensors(folder / "cut"), (folder / "cut").string());
  }
  write_file(folder / "cut", whole + "x");
  EXPECT_ERROR(Safetensors(folder / "cut"), "something appended");
  EXPECT_ERROR(Safetensors(folder / "none"), "cannot be read");
  EXPECT_ERROR(Safetensors{folder}, "not a safetensors file");
}

TEST(Safetensors, FlippedBitsInTheHeaderNeverReadOutsideTheFile) {
  const fs::path folder = fresh_folder();
  write_safetensors(folder / "x", {{"a", torch::ones({3, 5})}, {"b", torch::ones(2, torch::kLong)}});
  const std::string whole = read_file(folder / "x");
  const std::size_t header = whole.find('}', whole.find("}") + 1) + 1;
  int refused = 0;
  for (std::size_t bit = 0; bit < header * 8; ++bit) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    write_file(folder / "flipped", bytes);
    try {
      for (const auto& [name, tensor] : Safetensors(folder / "flipped").all()) {
        EXPECT_LE(tensor.nbytes(), whole.size());
        EXPECT_TRUE(torch::isfinite(tensor.to(torch::kDouble).sum()).item<bool>() ||
                    tensor.is_floating_point());
      }
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, static_cast<int>(header));
}

TEST(Safetensors, LyingHeadersAreNamed) {
  const fs::path folder = fresh_folder();
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,8]}})", "tensor a"},
      {R"({"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}})", "unknown dtype F99"},
      {R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", "negative number"},
      {R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", "whole number"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,16]}})", "lie outside"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", "tensor a"},
      {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,8]}})",
       "more than any file's"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
       "overlap"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", "gap"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
       "stands twice"},
      {R"({"a":{"dtype":"F32","shape":[2]}})", "missing"},
      {R"({"a":[[[[]]]]})", "not expected"},
      {R"([])", "does not start with {"},
      {R"({"a":)", "not valid JSON"}};
  for (const auto& [header, text] : cases) {
    EXPECT_ERROR(Safetensors(file_of(folder / "lying", header, 8)), text);
  }
  file_of(folder / "bool", R"({"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})", 0);
  write_file(folder / "bool", read_file(folder / "bool") + "\x02");
  EXPECT_ERROR(Safetensors(folder / "bool").tensor("a"), "neither 0 nor 1");
}

}  // namespace
}  // namespace medisyn
