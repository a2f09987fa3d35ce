#include <algorithm>

#include "medisyn/cli/commands.h"
#include "medisyn/cli/options.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/core/progress.h"
#include "medisyn/core/version.h"
#include "medisyn/report/html.h"
#include "report_parts.h"

namespace medisyn {
namespace {

std::string make_page(const ReportConfig& config) {
  ReportResults results;
  Page page(config.title, config.subtitle);
  add_score_cards(page, config, results);
  if (!config.notes.empty()) {
    page.add_note(config.notes);
  }
  if (config.samples) {
    add_samples(page, config, results);
  }
  if (config.alignment) {
    add_alignment(page, *config.alignment, results);
  }
  add_distances(page, config, results);
  add_training(page, config.training, results);
  if (config.data) {
    add_sources(page, *config.data, results);
  }
  add_commands(page, results);
  page.set_footer(
      fmt::format("Made by medisyn {}. Charts: Chart.js 3.9.1 (MIT). This page holds everything it "
                  "shows and loads nothing.",
                  version()));
  return page.html();
}

}  // namespace

const Json& ReportResults::of(const std::filesystem::path& folder) {
  const auto [entry, is_new] = results_.try_emplace(folder);
  if (is_new) {
    const fs::path file = folder / "result.json";
    entry->second = Json::parse(read_file(file), nullptr, /*allow_exceptions=*/false);
    const Json& result = entry->second;
    if (!result.is_object() || !result.contains("metrics") || !result.contains("command") ||
        !result["metrics"].is_object()) {
      fail("{}: expected a result of medisyn, found something else", file.string());
    }
    folders_.push_back(folder);
  }
  return entry->second;
}

void add_commands(Page& page, ReportResults& results) {
  std::vector<std::pair<std::string, std::vector<std::string>>> rows;
  for (const fs::path& folder : results.folders()) {
    const Json& result = results.of(folder);
    const auto text = [&](const char* key) {
      const auto found = result.find(key);
      return found != result.end() && found->is_string() ? found->get<std::string>() : "";
    };
    const auto seconds = result.find("seconds");
    const bool has_time = seconds != result.end() && seconds->is_number();
    rows.push_back({text("started"),
                    {text("command"), folder.string(), text("version"), text("started"),
                     has_time ? format_duration(seconds->get<double>()) : ""}});
  }
  std::sort(rows.begin(), rows.end());
  std::vector<std::vector<std::string>> cells;
  for (const auto& [started, row] : rows) {
    cells.push_back(row);
  }
  page.open_section("Commands and versions");
  page.add_text(
      "In the order in which they were started. Each folder's result.json holds the full configuration and "
      "the SHA-256 of the inputs.");
  page.add_html(html_table({"command", "folder", "version", "started", "time"}, cells, "words commands"));
}

int report_command(int argc, char** argv) {
  CLI::App app("Writes one HTML page of a whole run, which opens offline");
  CommonOptions options;
  std::string config_name;
  app.add_option("--config", config_name, "YAML of the report")->required()->type_name("FILE");
  app.add_option("--out", options.out, "The page to write")->required()->type_name("FILE.html");
  add_common_options(app, options, kTakesSet);
  if (const auto code = parse_options(app, options, argc, argv)) {
    return *code;
  }
  const auto config = read_config<ReportConfig>(find_config(config_name), options.set);
  require_absent(options.out);
  const std::string html = make_page(config);
  fs::create_directories(fs::absolute(options.out).parent_path());
  write_file(options.out, html);
  if (options.json) {
    fmt::print("{}\n", Json{{"page", options.out.string()}, {"bytes", html.size()}}.dump());
  }
  log_info("{}: {:.1f} MB, opens without a network", options.out.string(),
           static_cast<double>(html.size()) / 1e6);
  return 0;
}

}  // namespace medisyn
