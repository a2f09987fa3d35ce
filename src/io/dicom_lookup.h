// Lookup tables of DICOM files: modality, VOI and palettes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

class DcmItem;
class DcmTagKey;

namespace medisyn {

/// A table as its descriptor has it: values below `first` take the first entry, values beyond the end the
/// last.
struct LookupTable {
  std::int64_t first = 0;
  double top = 255.0;                  ///< the value that means all: 2^bits - 1
  std::vector<std::uint16_t> entries;  ///< at least one

  double at(double value) const;
};

/// Nothing when a tag is missing or the table is empty. `is_signed`: the descriptor's first value may be
/// below 0, as the pixels may.
std::optional<LookupTable> read_lookup_table(DcmItem& item, const DcmTagKey& descriptor,
                                             const DcmTagKey& data, bool is_signed);

/// A palette's table in segments (PS3.3, C.7.9.2). Nothing when it is missing or its segments do not give the
/// entries that the descriptor promises.
std::optional<LookupTable> read_segmented_table(DcmItem& item, const DcmTagKey& descriptor,
                                                const DcmTagKey& data, bool is_signed);

}  // namespace medisyn
