// The parts of the audit that no other code needs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "medisyn/curate/audit.h"

namespace medisyn {

/// How often a caption stands in the manifest.
struct CaptionUse {
  const Record* first = nullptr;
  std::int64_t images = 0;
};

/// Tokenizes each caption; gives those that are too long, the most used first.
std::vector<LongCaption> find_long_captions(const std::vector<CaptionUse>& captions,
                                            const Tokenizer& tokenizer, std::int64_t threads);

/// Up to `most` images of each repository, by its place in audit.repositories: a draw by `seed` that does not
/// hang on the records' order. Each is of another group, as long as there are groups enough.
std::vector<std::vector<const Record*>> draw_pictures(const Manifest& manifest, const Audit& audit,
                                                      std::size_t most, std::uint64_t seed);

/// A picture for the page, 128 pixels at most, with a line of text below.
struct Thumbnail {
  ImageSource source;  ///< "": a box that says so stands in its place
  std::string text;
  bool is_marked = false;
};

/// Thumbnails in a row, as HTML with the pictures inside. A file that cannot be read becomes a box that says
/// so; `unreadable` counts them.
std::vector<std::string> thumbnail_rows(const std::vector<std::vector<Thumbnail>>& rows, std::int64_t threads,
                                        std::int64_t& unreadable);

/// Why a file was rejected, without its name and the folders above: these stand in the message of a reader.
std::string reason_without_file(const RejectedFile& rejected);

/// The same without numbers, so that files with one fault fall together.
std::string rejection_kind(const RejectedFile& rejected);

/// "1,260,826"
std::string with_commas(std::int64_t number);

/// "12.3 %" of the whole; "" of nothing.
std::string percent(std::int64_t part, std::int64_t whole);

}  // namespace medisyn
