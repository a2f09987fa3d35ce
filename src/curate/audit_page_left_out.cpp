// What is not in the set, or not whole: long captions, rejected files, images left out on purpose.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "audit_page_parts.h"
#include "medisyn/report/html.h"

namespace medisyn {
namespace {

constexpr std::size_t kCaptionsShown = 12;
constexpr std::size_t kReasonsShown = 40;
constexpr std::size_t kFilesShown = 3;  // of a reason
constexpr std::size_t kRepositoriesShown = 4;

struct ReasonGroup {
  std::string reason;  ///< of the first file, without its name
  std::int64_t files = 0;
  std::set<std::string> repositories;
  std::vector<std::string> names;
};

std::string last_part(const std::string& file) {
  return clean_text(file.substr(file.find_last_of("/\\") + 1));
}

/// "a, b, c and 4 others"
std::string few_of(const std::set<std::string>& names) {
  const std::size_t shown = std::min(names.size(), kRepositoriesShown);
  const std::vector<std::string> first(names.begin(),
                                       std::next(names.begin(), static_cast<std::ptrdiff_t>(shown)));
  return fmt::format("{}{}", fmt::join(first, ", "),
                     names.size() > shown ? fmt::format(" and {} others", names.size() - shown) : "");
}

std::vector<ReasonGroup> group_reasons(const std::vector<RejectedFile>& rejected) {
  std::map<std::string, ReasonGroup> groups;
  for (const RejectedFile& file : rejected) {
    ReasonGroup& group = groups[rejection_kind(file)];
    if (++group.files == 1) {
      group.reason = clean_text(reason_without_file(file));
    }
    group.repositories.insert(clean_text(file.repository));
    if (group.names.size() < kFilesShown) {
      group.names.push_back(last_part(file.file));
    }
  }
  std::vector<ReasonGroup> sorted;
  sorted.reserve(groups.size());
  for (auto& [kind, group] : groups) {
    sorted.push_back(std::move(group));
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const ReasonGroup& a, const ReasonGroup& b) { return a.files > b.files; });
  return sorted;
}

void add_rejected(Page& page, const std::vector<RejectedFile>& rejected) {
  page.add_html("<h3>Files that could not be read</h3>\n");
  if (rejected.empty()) {
    page.add_text("None: every file was read.");
    return;
  }
  const std::vector<ReasonGroup> groups = group_reasons(rejected);
  TableRows cells;
  for (std::size_t i = 0; i < std::min(groups.size(), kReasonsShown); ++i) {
    const ReasonGroup& group = groups[i];
    cells.push_back({group.reason, with_commas(group.files), few_of(group.repositories),
                     fmt::format("{}{}", fmt::join(group.names, ", "),
                                 group.files > std::ssize(group.names) ? ", ..." : "")});
  }
  page.add_html(html_table({"reason", "files", "repositories", "such as"}, cells, "words whole"));
  page.add_text(
      fmt::format("{}Each file stands with its folder in rejected.csv.",
                  groups.size() > kReasonsShown
                      ? fmt::format("The {} most frequent of {} reasons. ", kReasonsShown, groups.size())
                      : ""));
}

}  // namespace

void add_captions(Page& page, const Audit& audit) {
  page.open_section("Captions");
  page.add_text(fmt::format("{} different captions for {} images.", with_commas(audit.captions),
                            with_commas(audit.images.total)));
  if (!audit.long_captions) {
    page.add_text("No tokenizer was named, so nobody looked whether they fit into a text encoder.");
    return;
  }
  const auto& captions = *audit.long_captions;
  if (captions.empty()) {
    page.add_text(fmt::format("All of them fit into the tokenizer's {} tokens, start and end included.",
                              audit.max_tokens));
    return;
  }
  std::int64_t images = 0;
  for (const LongCaption& caption : captions) {
    images += caption.images;
  }
  page.add_text(
      fmt::format("{} of them, of {} images, are longer than the tokenizer's {} tokens, start and end "
                  "included: the model never sees the words behind. The most used come first; all stand in "
                  "long_captions.csv.",
                  with_commas(std::ssize(captions)), with_commas(images), audit.max_tokens));
  TableRows cells;
  for (std::size_t i = 0; i < std::min(captions.size(), kCaptionsShown); ++i) {
    const LongCaption& caption = captions[i];
    cells.push_back({clean_text(caption.first->text), clean_text(caption.words_lost),
                     with_commas(caption.tokens), with_commas(caption.images)});
  }
  page.add_html(html_table({"caption", "words lost", "tokens", "images"}, cells, "words whole"));
}

void add_left_out(Page& page, const Audit& audit) {
  page.open_section("Left out");
  add_rejected(page, audit.left_out.rejected);
  page.add_html("<h3>Left out on purpose</h3>\n");
  if (audit.left_out.skipped.empty()) {
    page.add_text("Nothing.");
    return;
  }
  std::vector<std::pair<std::int64_t, std::string>> reasons;
  for (const auto& [reason, count] : audit.left_out.skipped) {
    reasons.emplace_back(-count, clean_text(reason));
  }
  std::sort(reasons.begin(), reasons.end());
  TableRows cells;
  for (const auto& [minus_count, reason] : reasons) {
    cells.push_back({reason, with_commas(-minus_count)});
  }
  page.add_html(html_table({"reason", "images"}, cells));
}

}  // namespace medisyn
