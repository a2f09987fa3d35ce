#include "dicom_lookup.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "dicom_layout.h"

namespace medisyn {
namespace {

struct Descriptor {
  std::size_t entries = 0;
  std::int64_t first = 0;
  int bits = 16;
};

std::optional<Descriptor> read_descriptor(DcmItem& item, const DcmTagKey& tag, bool is_signed) {
  const auto entries = dicom_word16(item, tag, 0);
  const auto first = dicom_word16(item, tag, 1);
  const auto bits = dicom_word16(item, tag, 2);
  if (!entries || !first || !bits || *bits < 1 || *bits > 16) {
    return std::nullopt;
  }
  constexpr int kAll = 1 << 16;  // what 0 stands for
  return Descriptor{static_cast<std::size_t>(*entries == 0 ? kAll : *entries),
                    is_signed ? static_cast<std::int16_t>(*first) : *first, *bits};
}

std::span<const Uint16> words_of(DcmItem& item, const DcmTagKey& tag) {
  const Uint16* words = nullptr;
  unsigned long count = 0;
  const bool is_there = item.findAndGetUint16Array(tag, words, &count).good() && words != nullptr;
  return is_there ? std::span<const Uint16>(words, count) : std::span<const Uint16>();
}

double full(int bits) { return std::ldexp(1.0, bits) - 1.0; }

/// Two entries of 8 bits lie in a word where the words are too few for one each.
bool are_packed(std::span<const Uint16> words, const Descriptor& descriptor) {
  return words.size() < descriptor.entries && words.size() >= (descriptor.entries + 1) / 2;
}

std::vector<std::uint16_t> unpacked(std::span<const Uint16> words, std::size_t entries) {
  std::vector<std::uint16_t> values;
  for (std::size_t i = 0; i < entries; ++i) {
    values.push_back(static_cast<std::uint16_t>(i % 2 == 0 ? words[i / 2] & 0xFF : words[i / 2] >> 8));
  }
  return values;
}

/// Segments: 0 n v... gives n values, 1 n y a line of n values to y, 2 n offset runs n segments again that
/// stand elsewhere (32 bits of offset, in bytes).
class SegmentReader {
 public:
  /// `words` of 8 or 16 bits.
  SegmentReader(std::vector<std::uint16_t> words, bool are_bytes, std::size_t entries)
      : words_(std::move(words)), are_bytes_(are_bytes), entries_(entries) {}

  std::vector<std::uint16_t> read() {
    std::size_t at = 0;
    while (at < words_.size() && values_.size() < entries_ && is_good_) {
      at = segment(at, true);
    }
    return is_good_ && values_.size() == entries_ ? values_ : std::vector<std::uint16_t>();
  }

 private:
  std::size_t word(std::size_t at) {
    is_good_ = is_good_ && at < words_.size();
    return is_good_ ? words_[at] : 0;
  }

  /// Where the next one begins.
  std::size_t segment(std::size_t at, bool may_repeat) {
    const std::size_t kind = word(at);
    const std::size_t count = word(at + 1);
    is_good_ = is_good_ && (kind < 2 || (kind == 2 && may_repeat));
    if (kind == 0) {
      for (std::size_t i = 0; i < count && room(); ++i) {
        values_.push_back(static_cast<std::uint16_t>(word(at + 2 + i)));
      }
      return at + 2 + count;
    }
    if (kind == 1) {
      line(count, static_cast<double>(word(at + 2)));
      return at + 3;
    }
    std::size_t begin = are_bytes_
                            ? word(at + 2) | word(at + 3) << 8U | word(at + 4) << 16U | word(at + 5) << 24U
                            : (word(at + 2) | word(at + 3) << 16U) / 2;
    for (std::size_t i = 0; i < count && room(); ++i) {
      begin = segment(begin, false);
    }
    return at + (are_bytes_ ? 6 : 4);
  }

  void line(std::size_t count, double end) {
    is_good_ = is_good_ && !values_.empty();
    const double begin = is_good_ ? values_.back() : 0.0;
    for (std::size_t i = 1; i <= count && room(); ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(count);
      values_.push_back(static_cast<std::uint16_t>(std::lround(begin + (end - begin) * share)));
    }
  }

  bool room() const { return is_good_ && values_.size() < entries_; }

  std::vector<std::uint16_t> words_;
  bool are_bytes_;
  std::size_t entries_;
  std::vector<std::uint16_t> values_;
  bool is_good_ = true;
};

}  // namespace

double LookupTable::at(double value) const {
  const double distance = value - static_cast<double>(first);
  const double last = static_cast<double>(entries.size() - 1);
  const auto index =
      distance > 0.0 ? static_cast<std::size_t>(std::min(distance, last)) : 0;  // NaN: the first
  return std::min(static_cast<double>(entries[index]), top);
}

std::optional<LookupTable> read_lookup_table(DcmItem& item, const DcmTagKey& descriptor,
                                             const DcmTagKey& data, bool is_signed) {
  const auto described = read_descriptor(item, descriptor, is_signed);
  const std::span<const Uint16> words = words_of(item, data);
  if (!described || words.empty()) {
    return std::nullopt;
  }
  LookupTable table{described->first, full(described->bits), {}};
  if (are_packed(words, *described)) {
    table.entries = unpacked(words, described->entries);
    table.top = full(8);
  } else {
    const auto end = words.begin() + static_cast<std::ptrdiff_t>(std::min(words.size(), described->entries));
    table.entries.assign(words.begin(), end);
  }
  return table;
}

std::optional<LookupTable> read_segmented_table(DcmItem& item, const DcmTagKey& descriptor,
                                                const DcmTagKey& data, bool is_signed) {
  const auto described = read_descriptor(item, descriptor, is_signed);
  const std::span<const Uint16> words = words_of(item, data);
  if (!described || words.empty()) {
    return std::nullopt;
  }
  const bool are_bytes = described->bits <= 8;
  std::vector<std::uint16_t> segments =
      are_bytes ? unpacked(words, words.size() * 2) : std::vector<std::uint16_t>(words.begin(), words.end());
  LookupTable table{described->first, full(described->bits),
                    SegmentReader(std::move(segments), are_bytes, described->entries).read()};
  return table.entries.empty() ? std::nullopt : std::optional(table);
}

}  // namespace medisyn
