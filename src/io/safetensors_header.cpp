#include "safetensors_header.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

constexpr std::size_t kMostDimensions = 64;

constexpr std::array<std::pair<const char*, torch::ScalarType>, 15> kDtypes = {{
    {"F64", torch::kDouble},
    {"F32", torch::kFloat},
    {"F16", torch::kHalf},
    {"BF16", torch::kBFloat16},
    {"F8_E4M3", torch::kFloat8_e4m3fn},
    {"F8_E5M2", torch::kFloat8_e5m2},
    {"I64", torch::kLong},
    {"I32", torch::kInt},
    {"I16", torch::kShort},
    {"I8", torch::kChar},
    {"U64", torch::kUInt64},
    {"U32", torch::kUInt32},
    {"U16", torch::kUInt16},
    {"U8", torch::kByte},
    {"BOOL", torch::kBool},
}};

/// Follows the parser through {"name": {"dtype": ..., "shape": [...], "data_offsets": [...]}, ...} and
/// refuses anything else, so that depth and memory stay bounded by the header's own length.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(const std::string& file) : file_(file) {}

  SafetensorsHeader header;

  bool start_object(std::size_t) override {
    if (depth_ == 2 || in_array_) {
      refuse("an object is not expected");
    }
    ++depth_;
    return true;
  }

  bool end_object() override {
    --depth_;
    if (depth_ == 1 && !in_metadata()) {
      finish_entry();
    }
    return true;
  }

  bool key(std::string& text) override {
    if (depth_ == 1) {
      name_ = text;
      seen_ = 0;
      entry_ = SafetensorsEntry{};
      const bool is_new = in_metadata() ? !std::exchange(has_metadata_, true)
                                        : header.entries.emplace(name_, SafetensorsEntry{}).second;
      if (!is_new) {
        refuse("this name stands twice");
      }
    } else {
      start_field(text);
    }
    return true;
  }

  bool string(std::string& text) override {
    if (depth_ == 2 && in_metadata()) {
      header.metadata[field_] = text;
    } else if (depth_ == 2 && field_ == "dtype") {
      const auto* known = std::find_if(kDtypes.begin(), kDtypes.end(),
                                       [&](const auto& dtype) { return dtype.first == text; });
      if (known == kDtypes.end()) {
        refuse(fmt::format("unknown dtype {}", printable(text)));
      }
      entry_.dtype = known->second;
      seen_ |= kDtype;
    } else {
      refuse("a text is not expected");
    }
    return true;
  }

  bool start_array(std::size_t) override {
    if (depth_ != 2 || in_metadata() || in_array_ || field_ == "dtype") {
      refuse("a list is not expected");
    }
    in_array_ = true;
    return true;
  }

  bool end_array() override {
    in_array_ = false;
    if (field_ == "data_offsets" && offsets_ != 2) {
      refuse("data_offsets must be two numbers");
    }
    seen_ |= static_cast<unsigned>(field_ == "shape" ? kShape : kOffsets);
    return true;
  }

  bool number_unsigned(std::uint64_t value) override {
    if (!in_array_) {
      refuse("a number is not expected");
    }
    if (field_ == "shape") {
      if (value > std::numeric_limits<std::int64_t>::max() || entry_.shape.size() == kMostDimensions) {
        refuse("the shape is too large");
      }
      entry_.shape.push_back(static_cast<std::int64_t>(value));
    } else {
      (offsets_++ == 0 ? entry_.begin : entry_.end) = value;
    }
    return true;
  }

  bool number_integer(std::int64_t) override { refuse("a negative number is not expected"); }
  bool number_float(double, const std::string&) override { refuse("a whole number is expected"); }
  bool null() override { refuse("null is not expected"); }
  bool boolean(bool) override { refuse("true or false is not expected"); }
  bool binary(nlohmann::json::binary_t&) override { refuse("bytes are not expected"); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    fail("{}: not a safetensors file: the header is not valid JSON at byte {}", file_, position + 8);
  }

 private:
  enum Seen : unsigned { kDtype = 1, kShape = 2, kOffsets = 4, kAll = 7 };

  bool in_metadata() const { return name_ == "__metadata__"; }

  void start_field(const std::string& text) {
    field_ = text;
    if (in_metadata()) {
      if (header.metadata.contains(text)) {
        refuse(fmt::format("the key {} stands twice", printable(text)));
      }
      return;
    }
    unsigned bit = 0;
    if (text == "dtype") {
      bit = kDtype;
    } else if (text == "shape") {
      bit = kShape;
    } else if (text == "data_offsets") {
      bit = kOffsets;
    }
    if (bit == 0 || (seen_ & bit) != 0) {
      refuse(fmt::format("the key {} is {}", printable(text), bit == 0 ? "unknown" : "there twice"));
    }
    offsets_ = 0;
  }

  void finish_entry() {
    if (seen_ != kAll) {
      refuse("dtype, shape or data_offsets is missing");
    }
    header.entries[name_] = std::move(entry_);
  }

  [[noreturn]] void refuse(const std::string& what) const {
    fail("{}: broken safetensors header: {}{}", file_,
         depth_ == 0 ? "" : fmt::format("tensor {}: ", printable(name_)), what);
  }

  const std::string& file_;
  int depth_ = 0;
  bool in_array_ = false;
  bool has_metadata_ = false;
  unsigned seen_ = 0;
  int offsets_ = 0;
  std::string name_;
  std::string field_;
  SafetensorsEntry entry_{};
};

/// The number of bytes that dtype and shape ask for; nothing when that is beyond any file.
std::optional<std::uint64_t> byte_count(const SafetensorsEntry& entry) {
  std::uint64_t strides =
      c10::elementSize(entry.dtype);  // with empty dimensions counted as one, for torch's strides
  bool is_empty = false;
  for (const std::int64_t size : entry.shape) {
    is_empty = is_empty || size == 0;
    if (__builtin_mul_overflow(strides, static_cast<std::uint64_t>(std::max<std::int64_t>(size, 1)),
                               &strides) ||
        strides > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return std::nullopt;
    }
  }
  return is_empty ? 0 : strides;
}

void check_entry(const std::string& name, const SafetensorsEntry& entry, std::uint64_t data_size,
                 const std::string& file) {
  if (entry.begin > entry.end || entry.end > data_size) {
    fail(
        "{}: tensor {}: its bytes {} to {} lie outside the {} bytes of data: the file is cut short or broken",
        file, printable(name), entry.begin, entry.end, data_size);
  }
  const auto expected = byte_count(entry);
  if (!expected || *expected != entry.end - entry.begin) {
    fail("{}: tensor {}: dtype {} and shape [{}] need {} bytes, the header gives it {}", file,
         printable(name), safetensors_dtype(entry.dtype), fmt::join(entry.shape, ", "),
         expected ? std::to_string(*expected) : "more than any file's", entry.end - entry.begin);
  }
}

/// The data must be covered from end to end, each byte once: nothing can hide between tensors or be shared.
void check_coverage(const SafetensorsHeader& header, std::uint64_t data_size, const std::string& file) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> spans;
  for (const auto& [name, entry] : header.entries) {
    spans.emplace_back(entry.begin, entry.end);
  }
  std::sort(spans.begin(), spans.end());
  std::uint64_t covered = 0;
  for (const auto& [begin, end] : spans) {
    if (begin != covered) {
      fail("{}: broken safetensors header: two tensors {} at byte {} of the data", file,
           begin < covered ? "overlap" : "leave a gap", std::min(begin, covered));
    }
    covered = end;
  }
  if (covered != data_size) {
    fail(
        "{}: expected {} bytes of data, found {}: the file was written only in part or has something "
        "appended",
        file, covered, data_size);
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_size,
                                           const std::string& file) {
  if (!json.starts_with('{')) {
    fail("{}: not a safetensors file: the header does not start with {{", file);
  }
  HeaderReader reader(file);
  nlohmann::json::sax_parse(json, &reader);
  for (const auto& [name, entry] : reader.header.entries) {
    check_entry(name, entry, data_size, file);
  }
  check_coverage(reader.header, data_size, file);
  return std::move(reader.header);
}

std::string safetensors_dtype(torch::ScalarType dtype) {
  for (const auto& [name, known] : kDtypes) {
    if (known == dtype) {
      return name;
    }
  }
  fail("a tensor of dtype {} cannot be kept in a safetensors file", torch::toString(dtype));
}

std::string printable(std::string_view name) {
  constexpr std::size_t kLongest = 80;
  std::string text;
  for (const char letter : name.substr(0, kLongest)) {
    const bool is_plain = letter >= ' ' && letter <= '~';
    text += is_plain ? std::string(1, letter) : fmt::format("\\x{:02x}", static_cast<unsigned char>(letter));
  }
  return text + (name.size() > kLongest ? "..." : "");
}

}  // namespace medisyn
