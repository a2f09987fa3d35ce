#include <algorithm>

#include "comparable_results.h"
#include "medisyn/cli/eval_commands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/report/table.h"

namespace medisyn {
namespace {

NamedResult read_result(const fs::path& path) {
  const fs::path file = fs::is_directory(path) ? path / "result.json" : path;
  NamedResult read{path.string(), Json::parse(read_file(file), nullptr, /*allow_exceptions=*/false)};
  if (!read.result.is_object()) {
    fail("{}: expected a result.json of medisyn, found something else", file.string());
  }
  return read;
}

/// Where the numbers of a table stand in "metrics".
struct Column {
  const char* name;
  const char* pointer;
};

std::vector<Column> columns_of(const std::string& evaluation) {
  if (evaluation == "fid") {
    return {{"fid", "/fid"},           {"kid", "/kid"},
            {"kid std", "/kid_std"},   {"precision", "/precision"},
            {"recall", "/recall"},     {"density", "/density"},
            {"coverage", "/coverage"}, {"fd_infinity", "/fd_infinity/distance"}};
  }
  if (evaluation == "msssim") {
    return {{"images", "/images"},
            {"pairs", "/pairs"},
            {"mean", "/mean"},
            {"std", "/std"},
            {"zeros", "/zeros"},
            {"of one prompt", "/within_prompts/mean"},
            {"of different prompts", "/between_prompts/mean"}};
  }
  return {{"<= 0.05", "/all/thresholds/0/share"},
          {"<= 0.10", "/all/thresholds/1/share"},
          {"<= 0.15", "/all/thresholds/2/share"},
          {"<= 0.20", "/all/thresholds/3/share"},
          {"<= 0.25", "/all/thresholds/4/share"},
          {"upper bound at 0.15", "/all/thresholds/2/upper_bound_95"},
          {"least", "/all/least"},
          {"median", "/all/median"}};
}

/// "" where the result has none.
std::string cell(const Json& metrics, const Column& column) {
  const Json::json_pointer pointer(column.pointer);
  const Json value = metrics.contains(pointer) ? metrics.at(pointer) : Json();
  if (value.is_number_float()) {
    return fmt::format("{:.6g}", value.get<double>());
  }
  return value.is_null() ? "" : value.dump();
}

}  // namespace

int eval_table_command(int argc, char** argv) {
  CLI::App app(
      "One table of several results of one evaluation; results that were made differently are refused");
  CommonOptions options;
  std::vector<fs::path> paths;
  app.add_option("results", paths, "Folders of --out, or their result.json")
      ->required()
      ->type_name("RESULT ...");
  add_common_options(app, options, kTakesOut);
  if (const auto code = parse_options(app, options, argc, argv)) {
    return *code;
  }
  RunRecord record(argv[0]);
  std::vector<NamedResult> results;
  for (const fs::path& path : paths) {
    results.push_back(read_result(path));
    record.add_input(fs::is_directory(path) ? path / "result.json" : path);
  }
  check_comparable(results);
  const std::string evaluation = evaluation_of(results.front().result);
  const std::vector<Column> columns = columns_of(evaluation);
  std::vector<std::string> header = {"result"};
  std::vector<std::vector<std::string>> rows;
  for (const Column& column : columns) {
    header.emplace_back(column.name);
  }
  for (const NamedResult& result : results) {
    rows.push_back({result.name});
    for (const Column& column : columns) {
      rows.back().push_back(cell(result.result.at("metrics"), column));
    }
    record.metrics["rows"].push_back({{"result", result.name}, {"metrics", result.result.at("metrics")}});
  }
  record.metrics["evaluation"] = evaluation;
  EvalOutput output(options);
  output.write_table("table.csv", header, rows);
  output.finish(record, text_table(header, rows));
  return 0;
}

}  // namespace medisyn
