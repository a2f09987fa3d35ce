// The audit of a curated data set: what is in it, what was left out and why.
//
//   records, what was left out -> make_audit -> write_audit_tables   *.csv
//                                            -> audit_page           audit.html
//                                            -> datasheet            datasheet.md
//
// Patients, studies, videos and groups are counted and never named: none of these ids is in what is written.
// The names of images and files are, in the tables alone; they are what the repository calls its files.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medisyn/curate/assign_split.h"
#include "medisyn/data/manifest.h"
#include "medisyn/text/tokenizer.h"

namespace medisyn {

/// A repository of the study, also one of which no image is left.
struct AuditRepository {
  std::string name, source, licence;
};

struct RejectedFile {
  std::string repository;
  std::string file;  ///< its path below the repository's folder
  std::string reason;
};

struct DuplicateMember {
  std::string id;
  std::string repository;
  bool is_kept = false;        ///< stands in the data set
  bool is_exact_copy = false;  ///< its pixels are those of a member before it
  ImageSource picture = {};    ///< for the page; "" or missing: none is shown
};

/// Images of one picture.
struct DuplicateCluster {
  std::vector<DuplicateMember> members;
  std::int64_t patients = 0;  ///< to whom the members belong; above 1 their groups were joined
};

/// Whether all members but the first are exact copies.
bool is_exact(const DuplicateCluster& cluster);

struct LeftOut {
  std::vector<RejectedFile> rejected;           ///< files that could not be read
  std::map<std::string, std::int64_t> skipped;  ///< images left out on purpose, by reason; duplicates are not
                                                ///< among them
  std::vector<DuplicateCluster> duplicates;     ///< of two members and more, kept or not
};

struct SideCounts {
  std::array<std::int64_t, kSides> sides{};  ///< train, validation, test
  std::int64_t total = 0;
};

struct RepositoryCounts {
  AuditRepository repository;
  std::string image_types, specialties;  ///< "CT, MRI"
  SideCounts images;
  std::int64_t patients = 0, studies = 0, videos = 0, groups = 0;
};

/// A caption that does not fit into the tokenizer's length.
struct LongCaption {
  const Record* first = nullptr;  ///< the manifest's first image that has it
  std::int64_t images = 0;        ///< that have it
  std::int64_t tokens = 0;        ///< start and end included
  std::string words_lost;         ///< what the tokens behind the last one that fits spell
};

/// Holds pointers into the manifest.
struct Audit {
  SideCounts images;
  SideCounts patients;  ///< one who stands on two sides counts on both and once in the total
  SideCounts groups;
  std::int64_t patients_on_two_sides = 0;  ///< as the rules frames and region mean it
  std::int64_t groups_on_two_sides = 0;    ///< a fault
  std::int64_t captions = 0;               ///< that differ
  std::map<std::string, SideCounts> image_types;
  std::map<std::string, SideCounts> specialties;
  std::map<std::string, std::int64_t> transforms;
  std::vector<RepositoryCounts> repositories;  ///< in the study's order
  /// By repository and label; "" stands for images without one. An image with two labels counts in both.
  std::map<std::pair<std::string, std::string>, SideCounts> classes;
  std::optional<std::vector<LongCaption>>
      long_captions;            ///< the most used first; nothing without a tokenizer
  std::int64_t max_tokens = 0;  ///< the tokenizer's length
  LeftOut left_out;
};

/// Counts everything in one pass. `repositories`: in the order to be shown; one that stands in the records
/// alone comes behind them, as its first record describes it. `tokenizer` may be null: then captions are not
/// looked at. Each different caption is tokenized once, on `threads` threads. A record whose split has
/// another name than train, validation or test counts in totals alone.
Audit make_audit(const Manifest& manifest, const std::vector<AuditRepository>& repositories, LeftOut left_out,
                 const Tokenizer* tokenizer, std::int64_t threads);

/// Members of clusters that do not stand in the data set.
struct RemovedDuplicates {
  std::int64_t exact = 0, near = 0;
};
RemovedDuplicates count_removed(const std::vector<DuplicateCluster>& clusters);

/// Writes counts_by_image_type, counts_by_specialty, counts_by_repository, counts_by_class, licences,
/// rejected, duplicates and, with a tokenizer, long_captions (else an earlier one is gone), all .csv, each
/// atomically. The counts end with a row "total", which counts every image once: an image with two labels
/// stands in two rows of counts_by_class. Cells are spreadsheet_cell()s.
void write_audit_tables(const std::filesystem::path& folder, const Audit& audit);

/// Text from files for a table that people open in a spreadsheet: one that begins with = + - @, a tab or a
/// line break, and would be computed there, gets an apostrophe in front; see clean_text().
std::string spreadsheet_cell(std::string_view text);

/// Bytes that are no UTF-8 and control characters other than tab and line breaks become U+FFFD.
std::string clean_text(std::string_view text);

}  // namespace medisyn
