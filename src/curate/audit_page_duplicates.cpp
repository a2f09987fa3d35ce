// The page's pictures, and its section on duplicates.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "audit_page_parts.h"
#include "medisyn/core/random_key.h"
#include "medisyn/report/html.h"

namespace medisyn {
namespace {

constexpr std::size_t kMostPictures = 320;  // of the page, some 5 kB each
constexpr std::size_t kClusterPictures = 8;

/// The largest clusters of a kind, and as many others by lot.
void choose_clusters(const std::vector<DuplicateCluster>& clusters, bool exact, std::size_t most,
                     std::uint64_t seed, std::vector<const DuplicateCluster*>& chosen) {
  std::vector<const DuplicateCluster*> all;
  for (const DuplicateCluster& cluster : clusters) {
    if (is_exact(cluster) == exact && !cluster.members.empty()) {
      all.push_back(&cluster);
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto* a, const auto* b) { return a->members.size() > b->members.size(); });
  const std::size_t largest = all.size() > most ? (most + 1) / 2 : all.size();
  const auto key = [&](const DuplicateCluster* cluster) {
    return random_key({seed, hash_text(cluster->members.front().id)});
  };
  std::stable_sort(all.begin() + static_cast<std::ptrdiff_t>(largest), all.end(),
                   [&](const auto* a, const auto* b) { return key(a) < key(b); });
  all.resize(std::min(all.size(), most));
  chosen.insert(chosen.end(), all.begin(), all.end());
}

/// Kept ones first. Equal pictures are shown once.
std::vector<Thumbnail> thumbnails_of(const DuplicateCluster& cluster) {
  std::vector<const DuplicateMember*> members;
  for (const DuplicateMember& member : cluster.members) {
    if (!member.is_exact_copy) {
      members.push_back(&member);
    }
  }
  std::stable_partition(members.begin(), members.end(), [](const auto* member) { return member->is_kept; });
  members.resize(std::min(members.size(), kClusterPictures));
  const bool is_mixed = std::any_of(cluster.members.begin(), cluster.members.end(), [&](const auto& member) {
    return member.repository != cluster.members.front().repository;
  });
  std::vector<Thumbnail> row;
  row.reserve(members.size());
  for (const DuplicateMember* member : members) {
    row.push_back({member->picture,
                   fmt::format("{}{}{}", member->is_kept ? "kept" : "removed", is_mixed ? ", " : "",
                               is_mixed ? member->repository : ""),
                   member->is_kept});
  }
  return row;
}

/// How many of each kind there are: a row of the table.
std::vector<std::string> count_kind(const std::vector<DuplicateCluster>& clusters, bool exact,
                                    const char* name) {
  std::int64_t found = 0;
  std::int64_t images = 0;
  std::int64_t kept = 0;
  for (const DuplicateCluster& cluster : clusters) {
    if (is_exact(cluster) == exact) {
      ++found;
      images += std::ssize(cluster.members);
      kept += std::count_if(cluster.members.begin(), cluster.members.end(),
                            [](const DuplicateMember& member) { return member.is_kept; });
    }
  }
  return {name, with_commas(found), with_commas(images), with_commas(kept), with_commas(images - kept)};
}

/// "5 images of 2 patients, 1 kept (isic-2019 4, ham10000 1)"
std::string describe(const DuplicateCluster& cluster) {
  std::map<std::string, std::int64_t> repositories;
  std::int64_t kept = 0;
  for (const DuplicateMember& member : cluster.members) {
    ++repositories[clean_text(member.repository)];
    kept += member.is_kept ? 1 : 0;
  }
  std::vector<std::string> parts;
  parts.reserve(repositories.size());
  for (const auto& [name, count] : repositories) {
    parts.push_back(repositories.size() == 1 ? name : fmt::format("{} {}", name, with_commas(count)));
  }
  return fmt::format(
      "{} images{}, {} kept ({})", with_commas(std::ssize(cluster.members)),
      cluster.patients > 1 ? fmt::format(" of {} patients", with_commas(cluster.patients)) : "",
      with_commas(kept), fmt::join(parts, ", "));
}

}  // namespace

PagePictures make_pictures(const Manifest& manifest, const Audit& audit, const AuditPageOptions& options) {
  const std::size_t most =
      std::min(options.pictures_of_a_repository,
               std::max<std::size_t>(1, kMostPictures / std::max<std::size_t>(1, audit.repositories.size())));
  std::vector<std::vector<Thumbnail>> rows;
  for (const auto& records : draw_pictures(manifest, audit, most, options.seed)) {
    std::vector<Thumbnail> row;
    row.reserve(records.size());
    for (const Record* record : records) {
      row.push_back({image_source(manifest, *record), record->text});
    }
    rows.push_back(std::move(row));
  }
  PagePictures pictures;
  const std::size_t exact = options.clusters / 4;  // of equal pictures there is less to see
  choose_clusters(audit.left_out.duplicates, false, options.clusters - exact, options.seed,
                  pictures.clusters);
  choose_clusters(audit.left_out.duplicates, true, exact, options.seed, pictures.clusters);
  for (const DuplicateCluster* cluster : pictures.clusters) {
    rows.push_back(thumbnails_of(*cluster));
  }
  std::vector<std::string> html = thumbnail_rows(rows, options.threads, pictures.unreadable);
  const auto middle = html.begin() + std::ssize(audit.repositories);
  pictures.cluster_rows.assign(middle, html.end());
  html.erase(middle, html.end());
  pictures.repositories = std::move(html);
  return pictures;
}

void add_duplicates(Page& page, const Audit& audit, const PagePictures& pictures) {
  const auto& clusters = audit.left_out.duplicates;
  page.open_section("Duplicates");
  if (clusters.empty()) {
    page.add_text("No image was found twice.");
    return;
  }
  const std::int64_t joining = std::count_if(clusters.begin(), clusters.end(),
                                             [](const auto& cluster) { return cluster.patients > 1; });
  const TableRows cells = {count_kind(clusters, true, "equal pixels"),
                           count_kind(clusters, false, "equal to the eye, or nearly")};
  page.add_html(html_table({"kind", "clusters", "images in them", "kept", "removed"}, cells));
  page.add_text(
      fmt::format("{} of the clusters hold images of different patients; all images of these patients "
                  "stand on one side of the split. Every member stands in duplicates.csv. Below are the "
                  "largest clusters, and "
                  "others by lot.",
                  with_commas(joining)));
  const char* shown = nullptr;
  for (std::size_t i = 0; i < pictures.clusters.size(); ++i) {
    const DuplicateCluster& cluster = *pictures.clusters[i];
    const char* heading = is_exact(cluster) ? "Equal pixels" : "Equal to the eye, or nearly";
    page.add_html(heading == shown ? "" : fmt::format("<h3>{}</h3>\n", heading));
    shown = heading;
    page.add_html(fmt::format("<p class=\"cluster\">{}</p>\n{}", escape_html(describe(cluster)),
                              pictures.cluster_rows[i]));
  }
}

}  // namespace medisyn
