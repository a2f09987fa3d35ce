#include "medisyn/cli/eval_commands.h"
#include "medisyn/cli/reader_study_commands.h"
#include "medisyn/eval/reader_study/plan.h"
#include "medisyn/report/table.h"

namespace medisyn {

int reader_study_plan_command(int argc, char** argv) {
  CLI::App app("How wide will the interval of a group's recall be, by readers and cases?");
  CommonOptions common;
  PlanAssumptions assumptions;
  std::vector<std::int64_t> readers = {3, 5, 8, 12}, cases = {34, 66, 102, 204};
  app.add_option("--readers", readers, "Numbers of readers")->delimiter(',')->check(CLI::Range(1, 10000));
  app.add_option("--cases", cases, "Numbers of images (recall: synthetic ones)")
      ->delimiter(',')
      ->check(CLI::Range(1, 1000000));
  app.add_option("--rate", assumptions.rate, "Expected share of right answers")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--reader-sd", assumptions.reader_sd, "Standard deviation of readers' own rates")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.5));
  app.add_option("--case-sd", assumptions.case_sd, "Standard deviation of cases' own rates")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.5));
  app.add_option("--level", assumptions.level, "Confidence")
      ->capture_default_str()
      ->check(CLI::Range(0.5, 0.9999));
  add_common_options(app, common, kTakesOut);
  if (const auto code = parse_options(app, common, argc, argv)) {
    return *code;
  }
  RunRecord record(argv[0]);
  std::vector<std::string> header = {"readers"};
  for (const std::int64_t c : cases) {
    header.push_back(fmt::format("{} cases", c));
  }
  std::vector<std::vector<std::string>> rows, table;
  Json widths = Json::array();
  for (const std::int64_t r : readers) {
    rows.push_back({fmt::format("{}", r)});
    for (const std::int64_t c : cases) {
      const double width = expected_width(assumptions, r, c);
      rows.back().push_back(fmt::format("{:.3f}", width));
      table.push_back({fmt::format("{}", r), fmt::format("{}", c), fmt::format("{:.6f}", width)});
      widths.push_back({{"readers", r}, {"cases", c}, {"width", width}});
    }
  }
  EvalOutput output(common);
  record.config = {{"rate", assumptions.rate},
                   {"reader_sd", assumptions.reader_sd},
                   {"case_sd", assumptions.case_sd},
                   {"level", assumptions.level}};
  record.metrics = {{"widths", widths}};
  output.write_table("plan.csv", {"readers", "cases", "width"}, table);
  output.finish(record,
                fmt::format("Full width of the {:g} % interval of a mean over readers, at a rate of {}\n\n{}",
                            100 * assumptions.level, assumptions.rate, text_table(header, rows)));
  return 0;
}

}  // namespace medisyn
