#include "torch_unpickle.h"

#include <torch/csrc/jit/serialization/unpickler.h>

#include "medisyn/core/error.h"
#include "pickle.h"

namespace medisyn {
namespace {

constexpr const char* kStateDict = "state_dict";

/// A dict, or the first of the pair of a dict and its state.
c10::impl::GenericDict dict_of(const c10::IValue& pair_or_dict, const std::filesystem::path& path) {
  const bool is_pair = pair_or_dict.isTuple() && pair_or_dict.toTupleRef().size() == 2;
  const c10::IValue value = is_pair ? pair_or_dict.toTupleRef().elements()[0] : pair_or_dict;
  if (!value.isGenericDict()) {
    fail("{}: expected a state dict, name -> tensor, found a {}", path.string(), value.tagKind());
  }
  return value.toGenericDict();
}

c10::impl::GenericDict dict_of_tensors(const c10::IValue& value, const std::filesystem::path& path) {
  const auto dict = dict_of(value, path);
  for (const auto& entry : dict) {
    if (entry.key().isString() && entry.key().toStringRef() == kStateDict) {
      return dict_of(entry.value(), path);
    }
  }
  return dict;
}

}  // namespace

c10::IValue unpickle(const std::string& raw, const std::filesystem::path& path,
                     const StorageReader& storage) {
  const std::string pickle = with_plain_dicts(raw);
  std::size_t at = 0;
  const auto read = [&](char* target, std::size_t wanted) {
    const std::size_t count = pickle.copy(target, wanted, at);
    at += count;
    return count;
  };
  const auto no_classes = [&](const c10::QualifiedName& name) -> c10::StrongTypePtr {
    fail("{}: expected tensors alone, found a {}", path.string(), name.qualifiedName());
  };
  const auto no_objects = [&](const at::StrongTypePtr&,
                              const c10::IValue&) -> c10::intrusive_ptr<c10::ivalue::Object> {
    fail("{}: expected tensors alone", path.string());
  };
  torch::jit::Unpickler unpickler(read, no_classes, no_objects, storage, torch::kCPU);
  return unpickler.parse_ivalue();
}

TensorMap state_dict_of(const c10::IValue& value, const std::filesystem::path& path) {
  TensorMap tensors;
  for (const auto& entry : dict_of_tensors(value, path)) {
    if (!entry.key().isString() || !entry.value().isTensor()) {
      fail("{}: expected name -> tensor, found a {} under {}", path.string(), entry.value().tagKind(),
           entry.key().isString() ? entry.key().toStringRef() : entry.key().tagKind());
    }
    tensors[entry.key().toStringRef()] = entry.value().toTensor();
  }
  return tensors;
}

}  // namespace medisyn
