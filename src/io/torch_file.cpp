#include "medisyn/io/torch_file.h"

#include <caffe2/serialize/inline_container.h>
#include <fmt/format.h>
#include <torch/csrc/jit/serialization/unpickler.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <unordered_map>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

constexpr const char* kPickle = "data.pkl";
constexpr const char* kStateDict = "state_dict";

bool is_zip(const std::filesystem::path& path) {
  std::array<char, 4> start{};
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), start.size());
  return file && std::memcmp(start.data(), "PK\x03\x04", start.size()) == 0;
}

std::string replaced(std::string_view text, std::string_view what, std::string_view with) {
  std::string result;
  std::size_t from = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, from)) {
    result += text.substr(from, at - from);
    result += with;
    from = at + what.size();
  }
  result += text.substr(from);
  return result;
}

/// The pickle with each OrderedDict as a plain dict: LibTorch makes None of them, for it knows them as the
/// unused hooks of a tensor alone, but model.state_dict() is one. The class is named once (GLOBAL, BINPUT n)
/// and called then and later (BINGET n) by EMPTY_TUPLE, REDUCE; each call becomes EMPTY_DICT.
std::string with_plain_dicts(std::string pickle) {
  constexpr std::string_view kOrderedDict = "ccollections\nOrderedDict\nq";
  const std::size_t at = pickle.find(kOrderedDict);
  if (at == std::string::npos || at + kOrderedDict.size() >= pickle.size()) {
    return pickle;
  }
  const char place = pickle[at + kOrderedDict.size()];
  pickle = replaced(pickle, fmt::format("{}{})R", kOrderedDict, place), "}");
  return replaced(pickle, fmt::format("h{})R", place), "}");
}

/// The pickle's value, and the true size of each storage: the unpickler believes what the pickle claims.
struct Unpickled {
  c10::IValue value;
  std::unordered_map<const void*, std::size_t> sizes;
};

Unpickled unpickle(const std::filesystem::path& path) {
  caffe2::serialize::PyTorchStreamReader archive(path.string());
  const auto [record_data, record_size] = archive.getRecord(kPickle);
  const std::string pickle =
      with_plain_dicts(std::string(static_cast<const char*>(record_data.get()), record_size));
  std::size_t at = 0;
  const auto read = [&](char* target, std::size_t wanted) {
    const std::size_t count = pickle.copy(target, wanted, at);
    at += count;
    return count;
  };
  Unpickled result;
  const auto record = [&](const std::string& key) {
    auto [data, bytes] = archive.getRecord("data/" + key);
    result.sizes[data.get()] = bytes;
    return std::move(data);
  };
  const auto no_classes = [&](const c10::QualifiedName& name) -> c10::StrongTypePtr {
    fail("{}: expected tensors alone, found a {}", path.string(), name.qualifiedName());
  };
  const auto no_objects = [&](const at::StrongTypePtr&,
                              const c10::IValue&) -> c10::intrusive_ptr<c10::ivalue::Object> {
    fail("{}: expected tensors alone", path.string());
  };
  torch::jit::Unpickler unpickler(read, no_classes, no_objects, record, torch::kCPU);
  result.value = unpickler.parse_ivalue();
  return result;
}

c10::impl::GenericDict dict_of(const c10::IValue& value, const std::filesystem::path& path) {
  if (!value.isGenericDict()) {
    fail("{}: expected a state dict, name -> tensor, found a {}", path.string(), value.tagKind());
  }
  return value.toGenericDict();
}

/// The dict of tensors: the value itself, or what it keeps under "state_dict". One level deep alone: a pickle
/// can hold a dict that holds itself.
c10::impl::GenericDict state_dict_of(const c10::IValue& value, const std::filesystem::path& path) {
  const auto dict = dict_of(value, path);
  for (const auto& entry : dict) {
    if (entry.key().isString() && entry.key().toStringRef() == kStateDict) {
      return dict_of(entry.value(), path);
    }
  }
  return dict;
}

}  // namespace

TensorMap read_torch_file(const std::filesystem::path& path) {
  if (!is_zip(path)) {
    fail(
        "{}: expected a file of torch.save in its zip format (torch 1.6 or newer); convert it with: "
        "torch.save(torch.load(FILE, weights_only=True), FILE)",
        path.string());
  }
  try {
    const Unpickled file = unpickle(path);
    TensorMap tensors;
    for (const auto& entry : state_dict_of(file.value, path)) {
      if (!entry.key().isString() || !entry.value().isTensor()) {
        fail("{}: expected name -> tensor, found a {} under {}", path.string(), entry.value().tagKind(),
             entry.key().isString() ? entry.key().toStringRef() : entry.key().tagKind());
      }
      const torch::Tensor tensor = entry.value().toTensor();
      const auto found = file.sizes.find(tensor.storage().data());
      if (tensor.numel() > 0 && (found == file.sizes.end() || tensor.storage().nbytes() > found->second)) {
        fail("{}: {}: the file is cut short: {} bytes are needed", path.string(), entry.key().toStringRef(),
             tensor.storage().nbytes());
      }
      tensors[entry.key().toStringRef()] = tensor;
    }
    return tensors;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {  // whatever the unpickler stumbles over
    const std::string what = error.what();
    fail("{}: not a whole PyTorch state dict: {}", path.string(),
         what.substr(0, what.find('\n')).substr(0, 200));
  }
}

}  // namespace medisyn
