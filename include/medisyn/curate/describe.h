// What is known of an image beside its pixels: ids, labels, the caption.
#pragma once

#include <map>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "medisyn/curate/item.h"
#include "medisyn/data/manifest.h"
#include "medisyn/io/dicom.h"
#include "medisyn/text/caption.h"

namespace medisyn {

/// All that the texts of an image may come from.
struct Facts {
  const Item* item = nullptr;
  const DicomInfo* dicom = nullptr;    ///< of a DICOM file
  const Fields* annotation = nullptr;  ///< of a video's frame: before the item's own columns
};

/// One repository's rules, with its regular expressions compiled. Any thread may ask.
class Describer {
 public:
  explicit Describer(const RepositoryConfig& repository);

  /// The item's own words and labels are those of its file; `given`: those of this image (plane, tile, ...);
  /// `structures`: labels found in it. Fills all of a record but file_name, sha256, split and group_id.
  /// `id` chooses among synonyms. Nothing when the image is to be left out: it has another label than those
  /// that are named. Error naming file and key where a text that must be there is missing.
  std::optional<Record> describe(const Facts& facts, const CaptionWords& given,
                                 const std::vector<std::string>& structures, const std::string& id) const;

  /// False when `where` leaves a file with this header out.
  bool stays(const DicomInfo& dicom) const;

  /// The side of the split that the repository itself gives; "" where its rule is another.
  std::string official_side(const Facts& facts) const;

  /// Every placeholder that this repository's caption may use, empty.
  static CaptionWords placeholders(const RepositoryConfig& repository);

 private:
  using Expressions = std::map<std::string, std::regex>;  ///< by their text

  /// "" where the text's place has none. `Pick`: what for_each_text() visits.
  template <class Pick>
  std::string text_at(const Facts& facts, const Pick& pick) const;
  std::string id_of(const Facts& facts, const IdConfig& config, const char* what) const;
  std::string patient_of(const Facts& facts) const;
  std::optional<std::vector<std::string>> labels_of(const Facts& facts) const;
  std::string caption_of(const std::vector<std::string>& labels, const std::string& id) const;

  const RepositoryConfig& repository_;
  Expressions expressions_;
};

}  // namespace medisyn
