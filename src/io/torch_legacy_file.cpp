// torch.save before 1.6: no archive, but one thing behind the other.
//
//   pickle    a magic number
//   pickle    1001, the format's version
//   pickle    sizes of the writer's types
//   pickle    the value; of a storage its type, key and length alone
//   pickle    the keys, sorted
//   for each key: 8 bytes, the number of elements, then these
//
// Source: PyTorch, torch/serialization.py (_legacy_save).
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "pickle.h"
#include "torch_unpickle.h"

namespace medisyn {
namespace {

constexpr std::string_view kMagic = "\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.";
enum Part { kMagicNumber, kVersion, kSystem, kValue, kKeys, kParts };

/// Stands for a storage whose bytes are read once its type is known: no memory, but the key.
at::DataPtr placeholder(const std::string& key) {
  return {nullptr, new std::string(key), [](void* context) { delete static_cast<std::string*>(context); },
          torch::kCPU};
}

std::string key_of(const torch::Tensor& tensor) {
  const void* context = tensor.storage().data_ptr().get_context();
  return context == nullptr ? "" : *static_cast<const std::string*>(context);
}

/// The storages that stand behind the pickles, as bytes. `element_bytes` of each key that is wanted.
std::map<std::string, torch::Tensor> read_storages(std::string_view bytes, const c10::IValue& keys,
                                                   const std::map<std::string, std::size_t>& element_bytes,
                                                   const fs::path& path) {
  std::map<std::string, torch::Tensor> storages;
  for (const c10::IValue& entry : keys.toListRef()) {
    const std::string& key = entry.toStringRef();
    std::uint64_t count = 0;
    if (bytes.size() < sizeof(count)) {
      fail("{}: the file is cut short", path.string());
    }
    std::memcpy(&count, bytes.data(), sizeof(count));
    bytes.remove_prefix(sizeof(count));
    const auto found = element_bytes.find(key);
    if (count > 0 && found == element_bytes.end()) {
      fail(
          "{}: expected a state dict alone, found other tensors beside it; convert it with: "
          "torch.save(torch.load(FILE, weights_only=True), FILE)",
          path.string());
    }
    if (count > 0 && count > bytes.size() / found->second) {
      fail("{}: the file is cut short", path.string());
    }
    const std::size_t size = count == 0 ? 0 : count * found->second;
    storages[key] = torch::empty({static_cast<std::int64_t>(size)}, torch::kByte);
    if (size > 0) {
      std::memcpy(storages[key].data_ptr(), bytes.data(), size);
    }
    bytes.remove_prefix(size);
  }
  return storages;
}

}  // namespace

TensorMap read_legacy_torch_file(const fs::path& path) {
  const std::string file = read_file(path);
  std::string_view rest = file;
  std::array<std::string, kParts> parts;
  for (std::string& part : parts) {
    part = first_pickle(rest);
    rest.remove_prefix(part.size());
  }
  if (parts[kMagicNumber] != kMagic || parts[kKeys].empty()) {
    fail("{}: expected a file of torch.save, found something else, or a part of one", path.string());
  }
  const TensorMap claimed = state_dict_of(unpickle(parts[kValue], path, placeholder), path);
  std::map<std::string, std::size_t> element_bytes;
  for (const auto& [name, tensor] : claimed) {
    element_bytes[key_of(tensor)] = tensor.element_size();
  }
  const auto storages = read_storages(rest, unpickle(parts[kKeys], path, placeholder), element_bytes, path);
  TensorMap tensors;
  for (const auto& [name, tensor] : claimed) {
    const auto found = storages.find(key_of(tensor));
    if (tensor.numel() > 0 && found == storages.end()) {
      fail("{}: {}: the file is cut short", path.string(), name);
    }
    tensors[name] = tensor.numel() == 0
                        ? torch::empty(tensor.sizes(), tensor.scalar_type())
                        : torch::empty({0}, tensor.scalar_type())
                              .set_(found->second.storage(), tensor.storage_offset(), tensor.sizes(),
                                    tensor.strides());  // which looks whether it fits
  }
  return tensors;
}

}  // namespace medisyn
