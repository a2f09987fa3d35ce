#include "medisyn/cli/eval_commands.h"
#include "medisyn/cli/reader_study_commands.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/eval/reader_study/score_tables.h"
#include "medisyn/report/table.h"

namespace medisyn {
namespace {

std::string text_of(const std::optional<double>& value) {
  return value ? fmt::format("{:.3f}", *value) : "-";
}

std::string text_of(const Interval& interval) {
  return interval ? fmt::format("{:.3f} to {:.3f}", interval->low, interval->high) : "-";
}

std::string summary_of(const StudyScore& score) {
  std::vector<std::vector<std::string>> rows;
  for (const RealismScore& row : score.realism) {
    if (row.class_name.empty() && row.type.empty()) {
      rows.push_back({row.reader.empty() ? row.group + " (mean)" : row.group + " " + row.reader,
                      fmt::format("{}", row.marks.images()), text_of(row.recall),
                      text_of(row.recall_interval), text_of(row.precision), text_of(row.precision_interval),
                      text_of(row.accuracy)});
    }
  }
  return rows.empty()
             ? "No pairs in this study\n"
             : text_table({"reader", "images", "recall", "95 %", "precision", "95 %", "accuracy"}, rows);
}

}  // namespace

int reader_study_score_command(int argc, char** argv) {
  CLI::App app("Scores readers' answers against the key");
  CommonOptions common;
  fs::path key_file, answers_path;
  ScoreOptions options;
  app.add_option("--key", key_file, "key.json of the export")->required();
  app.add_option("--answers", answers_path, "Answers: .csv, .json, or a folder of them")->required();
  app.add_option("--bootstrap", options.bootstrap_draws, "Draws of readers and pairs for a group's interval")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000000));
  add_common_options(app, common, kTakesOut | kTakesSeed);
  if (const auto code = parse_options(app, common, argc, argv)) {
    return *code;
  }
  RunRecord record(argv[0]);
  options.seed = common.seed;
  const StudyKey key = read_key(key_file);
  const StudyAnswers read = read_answers(answers_path, key);
  const StudyScore score = score_study(key, read.answers, options);
  EvalOutput output(common);
  record.add_input(key_file);
  record.add_input(answers_path);
  record.config = {{"key", key_file.string()},
                   {"answers", answers_path.string()},
                   {"bootstrap", options.bootstrap_draws},
                   {"seed", common.seed}};
  record.metrics = {{"study_id", key.study_id},        {"files", read.files},
                    {"empty_files", read.empty_files}, {"rows", read.rows},
                    {"training_rows", read.training},  {"replaced_rows", read.replaced}};
  record.metrics.update(to_json(score));
  for (const ScoreTable& table : score_tables(score, key)) {
    output.write_table(table.name, table.header, table.rows);
  }
  const ScoreTable imrmc = imrmc_table(key, read.answers);
  output.write_table(imrmc.name, imrmc.header, imrmc.rows);
  if (!common.out.empty()) {
    write_file(common.out / "page.html", score_page(score, key, "Reader study"));
  }
  output.finish(
      record,
      fmt::format("{} rows of {} files ({} without a row): {} to training, {} replaced by later ones; "
                  "{} trials answered, {} incomplete, {} missing\n\n{}",
                  read.rows, read.files, read.empty_files, read.training, read.replaced,
                  record.metrics["answered"].get<std::int64_t>(),
                  record.metrics["incomplete"].get<std::int64_t>(),
                  record.metrics["missing"].get<std::int64_t>(), summary_of(score)));
  return 0;
}

}  // namespace medisyn
