#include "medisyn/curate/audit_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "audit_page_parts.h"
#include "medisyn/core/version.h"

namespace medisyn {
namespace {

std::string split_note(const SideCounts& counts) {
  return fmt::format("{} train, {} validation, {} test", with_commas(counts.sides[0]),
                     with_commas(counts.sides[1]), with_commas(counts.sides[2]));
}

std::string images_of_a_caption(const Audit& audit) {
  return audit.captions == 0
             ? ""
             : fmt::format("{:.1f} images each, on average",
                           static_cast<double>(audit.images.total) / static_cast<double>(audit.captions));
}

Card long_captions_card(const Audit& audit) {
  if (!audit.long_captions) {
    return {"captions too long", "?", "no tokenizer was named"};
  }
  return {"captions too long", with_commas(std::ssize(*audit.long_captions)),
          fmt::format("above {} tokens", audit.max_tokens)};
}

/// The repositories of which `is_so` holds.
template <class Predicate>
std::vector<std::string> repositories_that(const Audit& audit, Predicate is_so) {
  std::vector<std::string> names;
  for (const RepositoryCounts& counts : audit.repositories) {
    if (is_so(counts)) {
      names.push_back(clean_text(counts.repository.name));
    }
  }
  return names;
}

std::vector<std::string> empty_repositories(const Audit& audit) {
  return repositories_that(audit, [](const RepositoryCounts& counts) { return counts.images.total == 0; });
}

void add_head(Page& page, const Audit& audit) {
  const RemovedDuplicates removed = count_removed(audit.left_out.duplicates);
  std::int64_t skipped = 0;
  for (const auto& [reason, count] : audit.left_out.skipped) {
    skipped += count;
  }
  const std::size_t empty = empty_repositories(audit).size();
  page.add_cards({
      {"images", with_commas(audit.images.total), split_note(audit.images)},
      {"patients", with_commas(audit.patients.total), split_note(audit.patients)},
      {"split groups", with_commas(audit.groups.total),
       audit.groups_on_two_sides == 0 ? "none stands on two sides"
                                      : with_commas(audit.groups_on_two_sides) + " on two sides"},
      {"repositories", with_commas(std::ssize(audit.repositories)),
       empty == 0 ? "each with images" : fmt::format("{} without an image", empty)},
      {"image types", with_commas(std::ssize(audit.image_types)),
       fmt::format("of {} specialties", audit.specialties.size())},
      {"different captions", with_commas(audit.captions), images_of_a_caption(audit)},
      long_captions_card(audit),
      {"duplicates removed", with_commas(removed.exact + removed.near),
       fmt::format("{} exact, {} near", with_commas(removed.exact), with_commas(removed.near))},
      {"files rejected", with_commas(std::ssize(audit.left_out.rejected)), "could not be read"},
      {"images left out", with_commas(skipped),
       fmt::format("on purpose, for {} reasons", audit.left_out.skipped.size())},
  });
}

/// What a reader must not pass over.
std::vector<std::string> warnings(const Audit& audit, std::int64_t unreadable) {
  std::vector<std::string> notes;
  const auto warn_of = [&](const char* what, std::int64_t count, const char* consequence) {
    if (count > 0) {
      notes.push_back(fmt::format("{}: {}. {}", what, with_commas(count), consequence));
    }
  };
  const auto list = [&](const char* what, const std::vector<std::string>& names) {
    if (!names.empty()) {
      notes.push_back(fmt::format("{}: {}.", what, fmt::join(names, ", ")));
    }
  };
  warn_of("Groups that stand on two sides of the split", audit.groups_on_two_sides,
          "Scores on such a split are better than they should be.");
  warn_of("Patients on two sides, where the repository's rule is frames or region",
          audit.patients_on_two_sides, "Scores on their images say nothing about other patients.");
  const auto& [train, validation, test] = audit.images.sides;
  warn_of("Images on none of the three sides", audit.images.total - train - validation - test,
          "They count in totals alone.");
  list("Repositories that state no licence", repositories_that(audit, [](const RepositoryCounts& counts) {
         return counts.repository.licence.empty();
       }));
  list("Repositories without an image in the set", empty_repositories(audit));
  warn_of("Pictures drawn for this page that could not be read", unreadable,
          "A box stands in the place of each.");
  return notes;
}

}  // namespace

std::string audit_page(const Manifest& manifest, const Audit& audit, const AuditPageOptions& options) {
  const PagePictures pictures = make_pictures(manifest, audit, options);
  Page page(
      clean_text(options.title),
      fmt::format("{} image-text pairs out of {} repositories: what they are, how they are divided, and what "
                  "was left out.",
                  with_commas(audit.images.total), with_commas(std::ssize(audit.repositories))));
  add_head(page, audit);
  const std::vector<std::string> notes = warnings(audit, pictures.unreadable);
  if (!notes.empty()) {
    page.add_note(notes);
  }
  add_image_types(page, audit);
  add_specialties(page, audit);
  add_repositories(page, audit);
  add_classes(page, audit);
  add_pictures(page, audit, pictures);
  add_duplicates(page, audit, pictures);
  add_captions(page, audit);
  add_left_out(page, audit);
  add_licences(page, audit);
  page.set_footer(
      fmt::format("Made by medisyn {}. Charts: Chart.js 3.9.1 (MIT). Patients are counted here and not "
                  "named. This page holds everything it shows and loads nothing.",
                  version()));
  return page.html();
}

}  // namespace medisyn
