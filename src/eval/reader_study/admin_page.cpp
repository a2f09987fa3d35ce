#include <fmt/format.h>

#include <map>
#include <set>

#include "medisyn/eval/reader_study/page.h"
#include "medisyn/eval/reader_study/study_site.h"
#include "medisyn/io/csv.h"
#include "medisyn/report/html.h"

namespace medisyn {
namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; width: min(64rem, 100% - 3rem); margin: 2.5rem auto; }
table { border-collapse: collapse; width: 100%; margin: 1.2rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .5rem 1rem .5rem 0; border-bottom: 1px solid #8888; }
progress { width: 10rem; }
)";

/// What a reader has done.
struct Progress {
  std::map<std::string, std::set<std::string>> trials = {};  ///< by part
  std::string last = {};

  std::size_t done(const Part& part) const {
    const auto found = trials.find(std::string(name_of(part.kind)));
    return found == trials.end() ? 0 : found->second.size();
  }
};

std::map<std::string, Progress> progress_of(const std::vector<ReaderAnswer>& answers) {
  std::map<std::string, Progress> progress;
  for (const ReaderAnswer& answer : answers) {
    Progress& reader = progress[answer.reader];
    reader.trials[answer.part].insert(answer.trial);
    reader.last = answer.answered_at;
  }
  return progress;
}

std::string row(const Study& study, const Reader& reader, const Progress& progress) {
  std::string parts;
  std::size_t done = 0, all = 0;
  for (const Part& part : study.parts) {
    done += progress.done(part);
    all += part.trials.size();
    parts += fmt::format("<td>{} of {}</td>", progress.done(part), part.trials.size());
  }
  return fmt::format(
      "<tr><td>{}</td><td>{}</td>{}<td><progress max=\"{}\" value=\"{}\" aria-label=\"{} of {}\"></progress> "
      "{}</td><td>{}</td></tr>\n",
      escape_html(reader.name), escape_html(reader.group), parts, all, done, done, all,
      done == all ? "done" : "", escape_html(progress.last));
}

}  // namespace

std::string admin_page_policy() {
  return content_security_policy(kStyle, "", /*served=*/true) + "; frame-ancestors 'none'";
}

std::string admin_page_html(const Study& study, const std::vector<Reader>& readers,
                            const std::vector<ReaderAnswer>& answers) {
  const std::map<std::string, Progress> progress = progress_of(answers);
  std::string heads;
  for (const Part& part : study.parts) {
    heads += "<th scope=\"col\">" + escape_html(part.title) + "</th>";
  }
  std::string rows;
  for (const Reader& reader : readers) {
    const auto found = progress.find(reader.name);
    rows += row(study, reader, found == progress.end() ? Progress() : found->second);
  }
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\"><meta http-equiv=\"refresh\" content=\"30\">"
      "<title>Progress: {0}</title>\n<style>{1}</style></head>\n<body><h1>{0}</h1>\n"
      "<p>Study {2}; {3} answers at {4}. This page renews itself every 30 seconds.</p>\n"
      "<table><thead><tr><th scope=\"col\">Reader</th><th scope=\"col\">Group</th>{5}"
      "<th scope=\"col\">Progress</th><th scope=\"col\">Last "
      "answer</th></tr></thead>\n<tbody>{6}</tbody></table>\n"
      "<p><a href=\"answers.csv\" download>All answers as CSV</a></p>\n</body></html>\n",
      escape_html(study.title), kStyle, study.id, answers.size(), utc_now(), heads, rows);
}

std::string answers_csv(const Study& study, const std::vector<ReaderAnswer>& answers) {
  std::vector<std::vector<std::string>> rows;
  for (const ReaderAnswer& answer : answers) {
    rows.push_back(answer_row(study.id, answer));
  }
  return csv_text(answer_columns(), rows);
}

}  // namespace medisyn
