#include "pickle.h"

#include <vector>

namespace medisyn {
namespace {

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

}  // namespace

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

std::string_view first_pickle(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = instruction_length(bytes, at);
    if (length == 0 || length > bytes.size() - at) {
      return {};
    }
    at += length;
    if (bytes[at - length] == '.') {
      return bytes.substr(0, at);
    }
  }
  return {};
}

}  // namespace medisyn
