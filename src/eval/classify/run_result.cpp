#include "medisyn/eval/classify/run_result.h"

#include <algorithm>
#include <cmath>

#include "medisyn/core/error.h"
#include "medisyn/core/numbers.h"
#include "medisyn/eval/classify/plan.h"
#include "medisyn/io/csv.h"
#include "medisyn/stats/auroc.h"

namespace medisyn {
namespace {

Json json_of(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

ClassScore class_score(const ClassColumn& column, const std::optional<double>& auroc) {
  ClassScore score{.auroc = auroc, .interval = delong_interval(column.scores, column.positives)};
  score.positives = std::count(column.positives.begin(), column.positives.end(), std::uint8_t{1});
  score.negatives = std::ssize(column.positives) - score.positives;
  return score;
}

ClassScore class_score_from_json(const Json& json) {
  ClassScore score{.positives = json.at("positives").get<std::int64_t>(),
                   .negatives = json.at("negatives").get<std::int64_t>()};
  if (!json.at("auroc").is_null()) {
    score.auroc = json.at("auroc").get<double>();
  }
  if (!json.at("low").is_null()) {
    score.interval = AurocInterval{.auroc = score.auroc.value(),
                                   .variance = json.at("variance").get<double>(),
                                   .low = json.at("low").get<double>(),
                                   .high = json.at("high").get<double>()};
  }
  return score;
}

std::string label_text(float target) { return std::isnan(target) ? "" : target == 1 ? "1" : "0"; }

}  // namespace

RunResult score_run(const GridRun& run, const std::string& key, const ClassifierOutcome& outcome,
                    const std::vector<LabelledImage>& train, const std::vector<LabelledImage>& test) {
  std::vector<Targets> train_targets;
  for (const LabelledImage& one : train) {
    train_targets.push_back(one.targets);
  }
  Targets targets;
  for (const LabelledImage& one : test) {
    targets.insert(targets.end(), one.targets.begin(), one.targets.end());
  }
  const std::size_t classes = test.front().targets.size();
  const ClassAurocs aurocs = class_aurocs(outcome.scores, targets, classes);
  RunResult result{.run = run.name,
                   .key = key,
                   .source = run.source,
                   .match = run.match,
                   .fraction = run.fraction,
                   .seed = run.seed,
                   .images = run.images,
                   .class_counts = class_counts(train_targets, classes),
                   .steps = outcome.steps,
                   .epochs = static_cast<double>(outcome.steps * run.classifier.batch_size) /
                             static_cast<double>(run.images),
                   .best_step = outcome.best_step,
                   .validation_macro_auroc = outcome.best_macro_auroc,
                   .macro_auroc = aurocs.macro,
                   .images_per_second = outcome.images_per_second,
                   .data_wait = outcome.data_wait,
                   .seconds = outcome.seconds};
  if (const std::int64_t an_epoch = (run.images + run.classifier.batch_size - 1) / run.classifier.batch_size;
      outcome.steps % an_epoch == 0) {
    result.epochs = static_cast<double>(outcome.steps / an_epoch);  // an epoch's last batch is a short one
  }
  for (std::size_t c = 0; c < classes; ++c) {
    result.classes.push_back(
        class_score(class_column(outcome.scores, targets, classes, c), aurocs.classes[c]));
  }
  return result;
}

Json to_json(const RunResult& result, const std::vector<std::string>& classes) {
  Json counts = Json::object(), scores = Json::object();
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const ClassScore& score = result.classes[c];
    counts[classes[c]] = result.class_counts[c];
    scores[classes[c]] = {{"auroc", json_of(score.auroc)},
                          {"low", score.interval ? Json(score.interval->low) : Json(nullptr)},
                          {"high", score.interval ? Json(score.interval->high) : Json(nullptr)},
                          {"variance", score.interval ? Json(score.interval->variance) : Json(nullptr)},
                          {"positives", score.positives},
                          {"negatives", score.negatives}};
  }
  return {{"run", result.run},
          {"source", result.source},
          {"match", result.match},
          {"fraction", result.fraction},
          {"seed", result.seed},
          {"macro_auroc", json_of(result.macro_auroc)},
          {"validation_macro_auroc", result.validation_macro_auroc},
          {"images", result.images},
          {"class_counts", counts},
          {"steps", result.steps},
          {"epochs", result.epochs},
          {"best_step", result.best_step},
          {"classes", scores},
          {"images_per_second", result.images_per_second},
          {"data_wait", result.data_wait},
          {"seconds", result.seconds},
          {"key", result.key}};
}

RunResult run_result_from_json(const Json& json, const std::vector<std::string>& classes,
                               const std::string& where) {
  try {
    RunResult result{.run = json.at("run").get<std::string>(),
                     .key = json.at("key").get<std::string>(),
                     .source = json.at("source").get<std::string>(),
                     .match = json.at("match").get<std::string>(),
                     .fraction = json.at("fraction").get<double>(),
                     .seed = json.at("seed").get<std::int64_t>(),
                     .images = json.at("images").get<std::int64_t>(),
                     .steps = json.at("steps").get<std::int64_t>(),
                     .epochs = json.at("epochs").get<double>(),
                     .best_step = json.at("best_step").get<std::int64_t>(),
                     .validation_macro_auroc = json.at("validation_macro_auroc").get<double>(),
                     .images_per_second = json.at("images_per_second").get<double>(),
                     .data_wait = json.at("data_wait").get<double>(),
                     .seconds = json.at("seconds").get<double>()};
    if (!json.at("macro_auroc").is_null()) {
      result.macro_auroc = json.at("macro_auroc").get<double>();
    }
    for (const std::string& name : classes) {
      result.class_counts.push_back(json.at("class_counts").at(name).get<std::int64_t>());
      result.classes.push_back(class_score_from_json(json.at("classes").at(name)));
    }
    return result;
  } catch (const Json::exception&) {
    fail("{}: expected a finished run of this grid: choose another --out", where);
  }
}

void write_predictions(const std::filesystem::path& file, const Cohort& test,
                       const std::vector<std::string>& classes, const std::vector<double>& scores) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < test.targets.size(); ++i) {
    for (std::size_t c = 0; c < classes.size(); ++c) {
      rows.push_back({test.manifest.records[i].id, classes[c], label_text(test.targets[i][c]),
                      fmt::format("{}", scores[i * classes.size() + c])});
    }
  }
  write_csv(file, {"id", "class", "label", "score"}, rows);
}

std::vector<double> read_predictions(const std::filesystem::path& file, const Cohort& test,
                                     const std::vector<std::string>& classes) {
  const Table table = read_csv(file);
  const std::size_t id = table.column("id"), name = table.column("class"), score = table.column("score");
  std::vector<double> scores;
  bool fits = table.rows.size() == test.targets.size() * classes.size();
  for (std::size_t i = 0; fits && i < table.rows.size(); ++i) {
    const auto value = parse_number<double>(table.rows[i][score]);
    fits = value && table.rows[i][id] == test.manifest.records[i / classes.size()].id &&
           table.rows[i][name] == classes[i % classes.size()];
    scores.push_back(value.value_or(0));
  }
  if (!fits) {
    fail("{}: the predictions of other images or classes: choose another --out", file.string());
  }
  return scores;
}

}  // namespace medisyn
