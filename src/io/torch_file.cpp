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
#include <vector>

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

/// The length of the instruction at `at`, its argument included; 0 for one that torch.save never writes.
std::size_t instruction_length(std::string_view pickle, std::size_t at) {
  const auto little_endian = [&](std::size_t from, std::size_t bytes) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < bytes && from + i < pickle.size(); ++i) {
      value |= static_cast<std::size_t>(static_cast<unsigned char>(pickle[from + i])) << (8 * i);
    }
    return value;
  };
  switch (pickle[at]) {
    case 'c': {  // GLOBAL: two lines
      const std::size_t module_end = pickle.find('\n', at);
      const std::size_t name_end =
          module_end == std::string_view::npos ? module_end : pickle.find('\n', module_end + 1);
      return name_end == std::string_view::npos ? 0 : name_end + 1 - at;
    }
    case '\x80':  // PROTO
    case 'q':     // BINPUT
    case 'h':     // BINGET
    case 'K':     // BININT1
      return 2;
    case 'M':  // BININT2
      return 3;
    case 'r':  // LONG_BINPUT
    case 'j':  // LONG_BINGET
    case 'J':  // BININT
      return 5;
    case 'G':  // BINFLOAT
      return 9;
    case '\x8a':  // LONG1
      return 2 + little_endian(at + 1, 1);
    case 'X':  // BINUNICODE
      return 5 + little_endian(at + 1, 4);
    default:
      return std::string_view("()]}tNRsuaeQb.\x85\x86\x87\x88\x89").find(pickle[at]) == std::string_view::npos
                 ? 0
                 : 1;
  }
}

/// The instructions; none when one is unknown or cut short: the unpickler will say so.
std::vector<std::string_view> instructions_of(std::string_view pickle) {
  std::vector<std::string_view> instructions;
  for (std::size_t at = 0; at < pickle.size();) {
    const std::size_t length = instruction_length(pickle, at);
    if (length == 0 || length > pickle.size() - at) {
      return {};
    }
    instructions.push_back(pickle.substr(at, length));
    at += length;
  }
  return instructions;
}

/// BINPUT n, LONG_BINPUT n -> BINGET n, LONG_BINGET n.
std::string get_of(std::string_view put) {
  std::string get(put);
  get.front() = put.front() == 'q' ? 'h' : 'j';
  return get;
}

/// The pickle with each OrderedDict as a plain dict, and each object with a state as the pair of both:
/// LibTorch makes None of an OrderedDict, for it knows them as the unused hooks of a tensor alone, and
/// stumbles over BUILD, but model.state_dict() is an OrderedDict whose state is its `_metadata`.
std::string with_plain_dicts(std::string pickle) {
  constexpr std::string_view kOrderedDict = "ccollections\nOrderedDict\n";
  const std::vector<std::string_view> instructions = instructions_of(pickle);
  const auto is = [&](std::size_t i, std::string_view what) {
    return i < instructions.size() && instructions[i] == what;
  };
  std::string result;
  std::string get;  // fetches the class again
  for (std::size_t i = 0; i < instructions.size(); ++i) {
    std::size_t call = instructions.size();
    if (is(i, kOrderedDict) && i + 1 < instructions.size()) {
      get = get_of(instructions[i + 1]);
      call = i + 2;
    } else if (!get.empty() && instructions[i] == get) {
      call = i + 1;
    }
    if (is(call, ")") && is(call + 1, "R")) {
      result += '}';
      i = call + 1;
    } else {
      result += instructions[i] == "b" ? std::string_view("\x86") : instructions[i];
    }
  }
  return result.empty() ? pickle : result;
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

/// A dict, or the first of the pair of a dict and its state.
c10::impl::GenericDict dict_of(const c10::IValue& pair_or_dict, const std::filesystem::path& path) {
  const bool is_pair = pair_or_dict.isTuple() && pair_or_dict.toTupleRef().size() == 2;
  const c10::IValue value = is_pair ? pair_or_dict.toTupleRef().elements()[0] : pair_or_dict;
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
