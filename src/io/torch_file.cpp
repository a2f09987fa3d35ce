#include "medisyn/io/torch_file.h"

#include <caffe2/serialize/inline_container.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <fstream>
#include <string>
#include <unordered_map>

#include "medisyn/core/error.h"
#include "torch_unpickle.h"

namespace medisyn {
namespace {

constexpr const char* kPickle = "data.pkl";

bool is_zip(const std::filesystem::path& path) {
  std::array<char, 4> start{};
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), start.size());
  return file && std::memcmp(start.data(), "PK\x03\x04", start.size()) == 0;
}

TensorMap read_archive(const std::filesystem::path& path) {
  caffe2::serialize::PyTorchStreamReader archive(path.string());
  const auto [record_data, record_size] = archive.getRecord(kPickle);
  std::unordered_map<const void*, std::size_t> sizes;
  const auto storage = [&](const std::string& key) {
    auto [data, bytes] = archive.getRecord("data/" + key);
    sizes[data.get()] = bytes;
    return std::move(data);
  };
  const std::string pickle(static_cast<const char*>(record_data.get()), record_size);
  TensorMap tensors = state_dict_of(unpickle(pickle, path, storage), path);
  for (const auto& [name, tensor] : tensors) {
    const auto found = sizes.find(tensor.storage().data());
    if (tensor.numel() > 0 && (found == sizes.end() || tensor.storage().nbytes() > found->second)) {
      fail("{}: {}: the file is cut short: {} bytes are needed", path.string(), name,
           tensor.storage().nbytes());
    }
  }
  return tensors;
}

}  // namespace

TensorMap read_torch_file(const std::filesystem::path& path) {
  try {
    return is_zip(path) ? read_archive(path) : read_legacy_torch_file(path);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {  // whatever the unpickler stumbles over
    const std::string what = error.what();
    fail("{}: not a whole PyTorch state dict: {}", path.string(),
         what.substr(0, what.find('\n')).substr(0, 200));
  }
}

}  // namespace medisyn
