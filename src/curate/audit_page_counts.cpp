// What is in the set: image types, specialties, repositories, classes, licences.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "audit_page_parts.h"
#include "medisyn/report/html.h"

namespace medisyn {
namespace {

constexpr std::size_t kGroupsInChart = 30;
constexpr std::size_t kClassesShown = 30;

using Named = std::pair<std::string, SideCounts>;

/// The largest first.
std::vector<Named> by_size(std::vector<Named> rows) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Named& a, const Named& b) { return a.second.total > b.second.total; });
  return rows;
}

std::string name_or(const std::string& name, const char* none) {
  return name.empty() ? none : clean_text(name);
}

/// "80.5 : 9.7 : 9.8", in percent.
std::string shares(const SideCounts& counts) {
  const auto of_total = [&](std::int64_t part) {
    return 100.0 * static_cast<double>(part) / static_cast<double>(counts.total);
  };
  return counts.total == 0 ? ""
                           : fmt::format("{:.1f} : {:.1f} : {:.1f}", of_total(counts.sides[0]),
                                         of_total(counts.sides[1]), of_total(counts.sides[2]));
}

void append_counts(std::vector<std::string>& row, const SideCounts& counts) {
  for (const std::int64_t images : counts.sides) {
    row.push_back(with_commas(images));
  }
  row.push_back(with_commas(counts.total));
}

std::vector<std::string> table_row(const std::string& name, const SideCounts& counts, std::int64_t all) {
  std::vector<std::string> row = {name};
  append_counts(row, counts);
  row.push_back(percent(counts.total, all));
  row.push_back(shares(counts));
  return row;
}

std::string count_table(const char* what, const std::vector<Named>& rows, const SideCounts& all) {
  TableRows cells;
  for (const auto& [name, counts] : rows) {
    cells.push_back(table_row(name_or(name, "(none stated)"), counts, all.total));
  }
  cells.push_back(table_row("total", all, all.total));
  return html_table({what, "train", "validation", "test", "total", "of all", "split, %"}, cells, "totals");
}

CountChart count_chart(const std::string& heading, const std::vector<Named>& rows) {
  CountChart chart{.heading = heading, .label = "images", .groups = {}, .bars = {}};
  for (const char* side : kSideNames) {
    chart.bars.push_back({side, {}});
  }
  for (std::size_t i = 0; i < std::min(rows.size(), kGroupsInChart); ++i) {
    chart.groups.push_back(name_or(rows[i].first, "(none stated)"));
    for (std::size_t side = 0; side < kSides; ++side) {
      chart.bars[side].counts.push_back(rows[i].second.sides[side]);
    }
  }
  return chart;
}

void add_count_section(Page& page, const char* heading, const char* what,
                       const std::map<std::string, SideCounts>& by_name, const SideCounts& all) {
  const std::vector<Named> rows = by_size({by_name.begin(), by_name.end()});
  page.open_section(heading);
  if (rows.empty()) {
    page.add_text("There is no image in the set.");
    return;
  }
  page.add_count_chart(count_chart(fmt::format("Images by {} and split", what), rows));
  if (rows.size() > kGroupsInChart) {
    page.add_text(fmt::format("The {} largest of {} are drawn.", kGroupsInChart, rows.size()));
  }
  page.add_html(count_table(what, rows, all));
}

void add_classes_of(Page& page, const std::string& repository, const std::vector<Named>& rows,
                    const SideCounts& images, bool is_open) {
  TableRows cells;
  for (std::size_t i = 0; i < std::min(rows.size(), kClassesShown); ++i) {
    cells.push_back(table_row(name_or(rows[i].first, "(no label)"), rows[i].second, images.total));
  }
  page.add_html(fmt::format("<details{}><summary>{} <small>{} {}, {} images</small></summary>\n",
                            is_open ? " open" : "", escape_html(clean_text(repository)),
                            with_commas(std::ssize(rows)), rows.size() == 1 ? "class" : "classes",
                            with_commas(images.total)));
  page.add_html(
      html_table({"class", "train", "validation", "test", "total", "of the images", "split, %"}, cells));
  if (rows.size() > kClassesShown) {
    page.add_text(fmt::format("The {} largest of {} classes; all stand in counts_by_class.csv.",
                              kClassesShown, with_commas(std::ssize(rows))));
  }
  page.add_html("</details>\n");
}

}  // namespace

void add_image_types(Page& page, const Audit& audit) {
  add_count_section(page, "Image types", "image type", audit.image_types, audit.images);
}

void add_specialties(Page& page, const Audit& audit) {
  add_count_section(page, "Specialties", "specialty", audit.specialties, audit.images);
}

void add_repositories(Page& page, const Audit& audit) {
  TableRows cells;
  for (const RepositoryCounts& counts : audit.repositories) {
    std::vector<std::string> row = {name_or(counts.repository.name, "(none stated)")};
    append_counts(row, counts.images);
    row.push_back(shares(counts.images));
    for (const std::int64_t number : {counts.patients, counts.studies, counts.videos, counts.groups}) {
      row.push_back(with_commas(number));
    }
    cells.push_back(std::move(row));
  }
  page.open_section("Repositories");
  page.add_text(
      "A group is all that shares a patient, a study, a video or a near-duplicate: it stands on one side.");
  page.add_html(html_table({"repository", "train", "validation", "test", "total", "split, %", "patients",
                            "studies", "videos", "groups"},
                           cells));
}

void add_classes(Page& page, const Audit& audit) {
  page.open_section("Classes");
  page.add_text("An image with several labels stands in each of them.");
  bool is_first = true;
  for (const RepositoryCounts& counts : audit.repositories) {
    const std::string& name = counts.repository.name;
    std::vector<Named> rows;
    for (auto entry = audit.classes.lower_bound({name, ""});
         entry != audit.classes.end() && entry->first.first == name; ++entry) {
      rows.emplace_back(entry->first.second, entry->second);
    }
    if (!rows.empty()) {
      add_classes_of(page, name, by_size(std::move(rows)), counts.images, is_first);
      is_first = false;
    }
  }
}

void add_licences(Page& page, const Audit& audit) {
  TableRows cells;
  for (const RepositoryCounts& counts : audit.repositories) {
    cells.push_back({clean_text(counts.repository.name), name_or(counts.repository.licence, "(none stated)"),
                     name_or(counts.repository.source, "(none stated)"), with_commas(counts.images.total)});
  }
  page.open_section("Licences and sources");
  page.add_text("As the study's configuration states them; an image's own stand in the manifest.");
  page.add_html(html_table({"repository", "licence", "source", "images"}, cells, "words whole"));
}

void add_pictures(Page& page, const Audit& audit, const PagePictures& pictures) {
  page.open_section("Pictures and their captions");
  page.add_text("A draw from each repository, each picture of another group where there are groups enough.");
  for (std::size_t i = 0; i < audit.repositories.size(); ++i) {
    const RepositoryCounts& counts = audit.repositories[i];
    if (counts.images.total > 0) {
      page.add_html(fmt::format("<h3>{}<small>{}; {} images</small></h3>\n{}",
                                escape_html(name_or(counts.repository.name, "(none stated)")),
                                escape_html(clean_text(counts.image_types)), with_commas(counts.images.total),
                                pictures.repositories[i]));
    }
  }
}

}  // namespace medisyn
