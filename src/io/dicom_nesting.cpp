#include "dicom_nesting.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcxfer.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

constexpr std::size_t kMaxLevels = 64;   // a deep structured report has about 15
constexpr std::size_t kSafeItems = 800;  // as many levels fit into DCMTK's stack, were they all nested
constexpr std::uint32_t kUndefined = 0xFFFFFFFF;

constexpr std::uint32_t kItem = 0xFFFEE000;
constexpr std::uint32_t kItemEnd = 0xFFFEE00D;
constexpr std::uint32_t kSequenceEnd = 0xFFFEE0DD;
constexpr std::uint32_t kPixelData = 0x7FE00010;
constexpr std::uint32_t kTransferSyntax = 0x00020010;

struct Encoding {
  bool is_explicit = true;
  bool is_little = true;
};

constexpr Encoding kImplicitLittle{false, true};

/// Integers at an offset; 0 beyond the end.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}

  std::uint32_t number(std::size_t at, std::size_t count, bool is_little) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count && has(at, count); ++i) {
      value = value << 8U | static_cast<unsigned char>(bytes_[at + (is_little ? count - 1 - i : i)]);
    }
    return value;
  }
  std::uint32_t tag(std::size_t at, bool is_little) const {
    return number(at, 2, is_little) << 16U | number(at + 2, 2, is_little);
  }
  std::string_view text(std::size_t at, std::size_t count) const {
    return has(at, count) ? bytes_.substr(at, count) : std::string_view();
  }
  bool has(std::size_t at, std::size_t count) const {
    return at <= bytes_.size() && bytes_.size() - at >= count;
  }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

struct Element {
  std::uint32_t tag = 0;
  std::string_view vr;  ///< "" in implicit encoding and for delimiters
  std::uint32_t length = 0;
  std::size_t value = 0;  ///< where the value begins
  bool is_known = false;  ///< false: cut off, or a VR that the standard does not have
};

bool is_one_of(std::string_view vr, std::string_view list) {
  const std::size_t at = list.find(vr);
  return vr.size() == 2 && at != std::string_view::npos && at % 3 == 0;
}

/// PS3.5, 7.1: the layout of an element's head.
Element read_element(const Bytes& bytes, std::size_t at, Encoding encoding) {
  Element element{bytes.tag(at, encoding.is_little), "", 0, at + 8, bytes.has(at, 8)};
  if (!encoding.is_explicit || element.tag >> 16U == 0xFFFE) {
    element.length = bytes.number(at + 4, 4, encoding.is_little);
    return element;
  }
  element.vr = bytes.text(at + 4, 2);
  if (is_one_of(element.vr, "OB OW OF OD OL OV SQ SV UC UN UR UT UV")) {
    element.is_known = bytes.has(at, 12);
    element.length = bytes.number(at + 8, 4, encoding.is_little);
    element.value = at + 12;
    return element;
  }
  element.is_known = element.is_known &&
                     is_one_of(element.vr, "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US");
  element.length = bytes.number(at + 6, 2, encoding.is_little);
  return element;
}

/// Follows the sequences and items of a dataset without recursion. What might be a sequence counts as one.
class NestingWalk {
 public:
  enum class Result { kFlat, kTooDeep, kUnknown };

  NestingWalk(std::string_view dataset, Encoding encoding) : bytes_(dataset) {
    levels_.push_back({true, dataset.size(), dataset.size(), encoding});
  }

  Result run() {
    while (close_levels()) {
      if (levels_.size() > 2 * kMaxLevels) {
        return Result::kTooDeep;
      }
      const Element element = read_element(bytes_, at_, levels_.back().encoding);
      if (!element.is_known || !(levels_.back().is_item ? enter(element) : enter_item(element))) {
        return Result::kUnknown;
      }
    }
    return levels_.empty() ? Result::kFlat : Result::kUnknown;
  }

 private:
  struct Level {
    bool is_item = false;    ///< an item (or the dataset) holds elements, a sequence holds items
    std::size_t end = 0;     ///< kOpen where a delimiter ends it
    std::size_t limit = 0;   ///< no further than what is around it
    Encoding encoding = {};  ///< of what it holds
  };
  static constexpr std::size_t kOpen = SIZE_MAX;

  /// False when nothing is left to be read or the walk is lost.
  bool close_levels() {
    while (!levels_.empty() && levels_.back().end == at_) {
      levels_.pop_back();
    }
    return !levels_.empty() && at_ < levels_.back().limit;
  }

  bool open(bool is_item, const Element& element, Encoding encoding) {
    const std::size_t limit = levels_.back().limit;
    if (element.length != kUndefined && (element.value > limit || element.length > limit - element.value)) {
      return false;
    }
    at_ = element.value;
    const std::size_t end = element.length == kUndefined ? kOpen : at_ + element.length;
    levels_.push_back({is_item, end, std::min(end, limit), encoding});
    return true;
  }

  bool close_open(const Element& element) {
    at_ = element.value;
    const bool is_open = levels_.back().end == kOpen;
    levels_.pop_back();
    return is_open;
  }

  bool enter_item(const Element& element) {
    if (element.tag == kSequenceEnd) {
      return close_open(element);
    }
    return element.tag == kItem && open(true, element, levels_.back().encoding);
  }

  bool enter(const Element& element) {
    if (element.tag == kItemEnd) {
      return close_open(element);
    }
    if (element.tag >> 16U == 0xFFFE) {
      return false;
    }
    const Encoding encoding = element.vr == "UN" ? kImplicitLittle : levels_.back().encoding;
    if (element.length == kUndefined) {
      if (element.tag == kPixelData) {
        return skip_fragments(element.value);
      }
      const bool can_be_open = element.vr.empty() || element.vr == "SQ" || element.vr == "UN";
      return can_be_open && open(false, element, encoding);
    }
    const bool may_be_sequence = element.tag != kPixelData && element.length >= 8 &&
                                 bytes_.tag(element.value, encoding.is_little) == kItem;
    if (may_be_sequence) {
      return open(false, element, encoding);
    }
    at_ = element.value;
    const std::size_t limit = levels_.back().limit;
    const bool fits = at_ <= limit && element.length <= limit - at_;
    at_ += fits ? element.length : 0;
    return fits;
  }

  /// Items of encapsulated pixels hold a codec's bytes and nothing nested.
  bool skip_fragments(std::size_t at) {
    for (Element item = read_element(bytes_, at, {}); item.is_known; item = read_element(bytes_, at, {})) {
      at = item.value;
      if (item.tag == kSequenceEnd) {
        at_ = at;
        return true;
      }
      if (item.tag != kItem || !bytes_.has(at, item.length)) {
        return false;
      }
      at += item.length;
    }
    return false;
  }

  Bytes bytes_;
  std::size_t at_ = 0;
  std::vector<Level> levels_;
};

std::size_t count(std::string_view bytes, std::string_view pattern, std::size_t enough) {
  std::size_t found = 0;
  for (std::size_t at = bytes.find(pattern); at != std::string_view::npos && found < enough;
       at = bytes.find(pattern, at + pattern.size())) {
    ++found;
  }
  return found;
}

/// Each level of nesting begins with an item's tag, whatever else is broken.
bool has_few_items(std::string_view bytes) {
  using namespace std::string_view_literals;
  return count(bytes, "\xFE\xFF\x00\xE0"sv, kSafeItems) < kSafeItems &&
         count(bytes, "\xFF\xFE\xE0\x00"sv, kSafeItems) < kSafeItems;
}

}  // namespace

void check_dicom_nesting(std::string_view dataset, const std::string& transfer_syntax,
                         const std::string& name) {
  const DcmXfer xfer(transfer_syntax.c_str());
  auto result = NestingWalk::Result::kUnknown;
  if (xfer.getXfer() != EXS_Unknown) {
    result = NestingWalk(dataset, {xfer.isExplicitVR(), xfer.isLittleEndian()}).run();
  }
  if (result == NestingWalk::Result::kTooDeep) {
    fail("{}: expected a DICOM file, found sequences that lie more than {} levels deep in one another", name,
         kMaxLevels);
  }
  if (result == NestingWalk::Result::kUnknown && !has_few_items(dataset)) {
    fail("{}: expected a DICOM file, found {} or more items in a structure that cannot be followed", name,
         kSafeItems);
  }
}

DicomPreamble read_dicom_preamble(std::string_view file) {
  constexpr std::size_t kBegin = 132;  // 128 bytes of anything and "DICM"
  DicomPreamble preamble;
  if (file.size() < kBegin || file.substr(kBegin - 4, 4) != "DICM") {
    return preamble;
  }
  preamble.dataset_begin = kBegin;
  const Bytes bytes(file);
  for (Element element = read_element(bytes, kBegin, {}); element.is_known && element.tag >> 16U == 2;
       element = read_element(bytes, preamble.dataset_begin, {})) {
    if (!bytes.has(element.value, element.length)) {
      break;
    }
    if (element.tag == kTransferSyntax) {
      const std::string_view uid = bytes.text(element.value, element.length);
      preamble.transfer_syntax = uid.substr(0, uid.find_last_not_of(std::string_view("\0 ", 2)) + 1);
    }
    preamble.dataset_begin = element.value + element.length;
  }
  return preamble;
}

}  // namespace medisyn
