#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unicode/unistr.h>

#include <set>

#include "audit_parts.h"
#include "medisyn/core/files.h"
#include "medisyn/io/csv.h"

namespace medisyn {
namespace {

using Row = std::vector<std::string>;
using Rows = std::vector<Row>;

void append(Row& row, const SideCounts& counts) {
  for (const std::int64_t images : counts.sides) {
    row.push_back(std::to_string(images));
  }
  row.push_back(std::to_string(counts.total));
}

/// `names`, then train, validation, test, total.
Row count_header(Row names) {
  names.insert(names.end(), kSideNames.begin(), kSideNames.end());
  names.emplace_back("total");
  return names;
}

Row count_row(Row names, const SideCounts& counts) {
  for (std::string& name : names) {
    name = spreadsheet_cell(name);
  }
  append(names, counts);
  return names;
}

Rows rows_by_name(const std::map<std::string, SideCounts>& by_name, const SideCounts& all) {
  Rows rows;
  for (const auto& [name, counts] : by_name) {
    rows.push_back(count_row({name}, counts));
  }
  rows.push_back(count_row({"total"}, all));
  return rows;
}

void append_ids(Row& row, std::int64_t patients, std::int64_t studies, std::int64_t videos,
                std::int64_t groups) {
  for (const std::int64_t number : {patients, studies, videos, groups}) {
    row.push_back(std::to_string(number));
  }
}

Rows repository_rows(const Audit& audit) {
  Rows rows;
  std::int64_t studies = 0;
  std::int64_t videos = 0;
  for (const RepositoryCounts& counts : audit.repositories) {
    Row row = count_row({counts.repository.name}, counts.images);
    append_ids(row, counts.patients, counts.studies, counts.videos, counts.groups);
    row.push_back(spreadsheet_cell(counts.repository.source));
    row.push_back(spreadsheet_cell(counts.repository.licence));
    rows.push_back(std::move(row));
    studies += counts.studies;
    videos += counts.videos;
  }
  Row total = count_row({"total"}, audit.images);
  append_ids(total, audit.patients.total, studies, videos, audit.groups.total);
  total.resize(total.size() + 2);
  rows.push_back(std::move(total));
  return rows;
}

Rows class_rows(const Audit& audit) {
  Rows rows;
  for (const auto& [names, counts] : audit.classes) {
    rows.push_back(count_row({names.first, names.second}, counts));
  }
  rows.push_back(count_row({"total", ""}, audit.images));
  return rows;
}

Rows licence_rows(const Audit& audit) {
  struct Licence {
    std::vector<std::string> repositories;
    SideCounts images;
  };
  std::map<std::string, Licence> licences;
  for (const RepositoryCounts& counts : audit.repositories) {
    Licence& licence = licences[counts.repository.licence];
    licence.repositories.push_back(counts.repository.name);
    licence.images.total += counts.images.total;
    for (std::size_t side = 0; side < kSides; ++side) {
      licence.images.sides[side] += counts.images.sides[side];
    }
  }
  Rows rows;
  for (const auto& [name, licence] : licences) {
    rows.push_back(
        count_row({name, fmt::format("{}", fmt::join(licence.repositories, "; "))}, licence.images));
  }
  rows.push_back(count_row({"total", ""}, audit.images));
  return rows;
}

Rows rejected_rows(const LeftOut& left_out) {
  Rows rows;
  for (const RejectedFile& rejected : left_out.rejected) {
    rows.push_back({spreadsheet_cell(rejected.repository), spreadsheet_cell(rejected.file),
                    spreadsheet_cell(rejected.reason)});
  }
  return rows;
}

Rows duplicate_rows(const LeftOut& left_out) {
  Rows rows;
  std::int64_t number = 0;
  for (const DuplicateCluster& cluster : left_out.duplicates) {
    ++number;
    const char* kind = is_exact(cluster) ? "exact" : "near";
    for (const DuplicateMember& member : cluster.members) {
      rows.push_back({std::to_string(number), kind, spreadsheet_cell(member.id),
                      spreadsheet_cell(member.repository), member.is_kept ? "yes" : "no",
                      member.is_exact_copy ? "yes" : "no"});
    }
  }
  return rows;
}

Rows caption_rows(const std::vector<LongCaption>& captions) {
  Rows rows;
  for (const LongCaption& caption : captions) {
    rows.push_back({spreadsheet_cell(caption.first->id), spreadsheet_cell(caption.first->text),
                    std::to_string(caption.tokens), spreadsheet_cell(caption.words_lost),
                    std::to_string(caption.images)});
  }
  return rows;
}

}  // namespace

void write_audit_tables(const fs::path& folder, const Audit& audit) {
  write_csv(folder / "counts_by_image_type.csv", count_header({"image_type"}),
            rows_by_name(audit.image_types, audit.images));
  write_csv(folder / "counts_by_specialty.csv", count_header({"specialty"}),
            rows_by_name(audit.specialties, audit.images));
  Row repository_header = count_header({"repository"});
  for (const char* name : {"patients", "studies", "videos", "groups", "source", "licence"}) {
    repository_header.emplace_back(name);
  }
  write_csv(folder / "counts_by_repository.csv", repository_header, repository_rows(audit));
  write_csv(folder / "counts_by_class.csv", count_header({"repository", "label"}), class_rows(audit));
  write_csv(folder / "licences.csv", count_header({"licence", "repositories"}), licence_rows(audit));
  write_csv(folder / "rejected.csv", {"repository", "file", "reason"}, rejected_rows(audit.left_out));
  write_csv(folder / "duplicates.csv", {"cluster", "kind", "id", "repository", "kept", "exact_copy"},
            duplicate_rows(audit.left_out));
  const fs::path long_captions = folder / "long_captions.csv";
  if (audit.long_captions) {
    write_csv(long_captions, {"id", "caption", "tokens", "words_lost", "images"},
              caption_rows(*audit.long_captions));
  } else {
    fs::remove(long_captions);
  }
}

std::string clean_text(std::string_view text) {
  icu::UnicodeString units =
      icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())));
  for (std::int32_t i = 0; i < units.length(); ++i) {
    const char16_t unit = units.charAt(i);
    const bool is_space = unit == u'\t' || unit == u'\n' || unit == u'\r';
    if ((unit < 0x20 && !is_space) || (unit >= 0x7F && unit < 0xA0)) {
      units.setCharAt(i, 0xFFFD);
    }
  }
  std::string clean;
  units.toUTF8String(clean);
  return clean;
}

std::string spreadsheet_cell(std::string_view text) {
  constexpr std::string_view kComputed = "=+-@\t\r\n";
  std::string cell = clean_text(text);
  if (!cell.empty() && kComputed.find(cell.front()) != std::string_view::npos) {
    cell.insert(cell.begin(), '\'');
  }
  return cell;
}

}  // namespace medisyn
