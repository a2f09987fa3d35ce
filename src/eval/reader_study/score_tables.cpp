#include "medisyn/eval/reader_study/score_tables.h"

#include "reader_sheets.h"

namespace medisyn {
namespace {

std::string cell(std::int64_t value) { return fmt::format("{}", value); }
std::string cell(double value) { return fmt::format("{:.6g}", value); }
std::string cell(const std::optional<double>& value) { return value ? cell(*value) : ""; }
std::string low(const Interval& interval) { return interval ? cell(interval->low) : ""; }
std::string high(const Interval& interval) { return interval ? cell(interval->high) : ""; }
std::string side(bool is_synthetic) { return is_synthetic ? "synthetic" : "real"; }

std::string who(const std::string& reader) { return reader.empty() ? "all" : reader; }

std::string share(std::int64_t hits, std::int64_t trials) {
  return trials == 0 ? "" : cell(static_cast<double>(hits) / static_cast<double>(trials));
}

ScoreTable completeness_table(const StudyScore& score) {
  ScoreTable table{"completeness.csv", "Answers", {"group", "reader", "answered", "incomplete", "missing"}};
  for (const Completeness& row : score.completeness) {
    table.rows.push_back(
        {row.group, row.reader, cell(row.answered), cell(row.incomplete), cell(row.missing)});
  }
  return table;
}

ScoreTable realism_table(const StudyScore& score) {
  ScoreTable table{"realism.csv",
                   "Which images are synthetic?",
                   {"group",         "reader",         "class",          "type",          "images",
                    "true_positive", "false_negative", "false_positive", "true_negative", "recall",
                    "recall_low",    "recall_high",    "precision",      "precision_low", "precision_high",
                    "accuracy",      "accuracy_low",   "accuracy_high",  "pairs",         "pairs_right"}};
  for (const RealismScore& row : score.realism) {
    const Marks& marks = row.marks;
    table.rows.push_back({row.group,
                          who(row.reader),
                          row.class_name,
                          row.type,
                          cell(marks.images()),
                          cell(marks.true_positive),
                          cell(marks.false_negative),
                          cell(marks.false_positive),
                          cell(marks.true_negative),
                          cell(row.recall),
                          low(row.recall_interval),
                          high(row.recall_interval),
                          cell(row.precision),
                          low(row.precision_interval),
                          high(row.precision_interval),
                          cell(row.accuracy),
                          low(row.accuracy_interval),
                          high(row.accuracy_interval),
                          cell(row.pairs),
                          cell(row.pairs_right)});
  }
  return table;
}

ScoreTable alignment_table(const StudyScore& score) {
  ScoreTable table{"alignment.csv",
                   "Do images show what their text says?",
                   {"group", "reader", "images_are", "images", "quality_answers", "quality_sufficient",
                    "quality_rate", "quality_low", "quality_high", "class_answers", "class_correct",
                    "class_rate", "class_low", "class_high", "confidence_answers", "confidence_mean",
                    "confidence_sd", "confidence_low", "confidence_high"}};
  for (const AlignmentScore& row : score.alignment) {
    const bool has_confidence = row.confidence_answers > 0;
    table.rows.push_back({row.group, who(row.reader), side(row.is_synthetic), cell(row.images),
                          cell(row.quality_answers), cell(row.quality_sufficient),
                          share(row.quality_sufficient, row.quality_answers), low(row.quality_interval),
                          high(row.quality_interval), cell(row.class_answers), cell(row.class_correct),
                          share(row.class_correct, row.class_answers), low(row.class_interval),
                          high(row.class_interval), cell(row.confidence_answers),
                          has_confidence ? cell(row.confidence_mean) : "",
                          row.confidence_answers > 1 ? cell(row.confidence_deviation) : "",
                          low(row.confidence_interval), high(row.confidence_interval)});
  }
  return table;
}

ScoreTable confusion_table(const StudyScore& score, const StudyKey& key) {
  ScoreTable table{"confusion.csv", "Classes that readers chose", {"group", "images_are", "true_class"}};
  table.header.insert(table.header.end(), key.classes.begin(), key.classes.end());
  for (const ConfusionMatrix& matrix : score.confusion) {
    for (std::size_t c = 0; c < key.classes.size(); ++c) {
      std::vector<std::string> cells = {matrix.group, side(matrix.is_synthetic), key.classes[c]};
      for (const std::int64_t count : matrix.counts[c]) {
        cells.push_back(cell(count));
      }
      table.rows.push_back(std::move(cells));
    }
  }
  return table;
}

ScoreTable times_table(const StudyScore& score) {
  ScoreTable table{"response_times.csv",
                   "Seconds for an answer",
                   {"group", "reader", "type", "answers", "quartile_1", "median", "quartile_3"}};
  for (const ResponseTime& row : score.times) {
    const bool has = row.answers > 0;
    table.rows.push_back({row.group, who(row.reader), row.type, cell(row.answers),
                          has ? cell(row.quartile_1) : "", has ? cell(row.median) : "",
                          has ? cell(row.quartile_3) : ""});
  }
  return table;
}

ScoreTable agreement_table(const StudyScore& score) {
  ScoreTable table{"agreement.csv",
                   "Agreement of readers (Fleiss' kappa)",
                   {"group", "question", "readers", "items", "kappa"}};
  for (const Agreement& row : score.agreement) {
    table.rows.push_back({row.group, row.question, cell(row.readers), cell(row.items), cell(row.kappa)});
  }
  return table;
}

Json json_of(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }
Json json_of(const Interval& interval) {
  return interval ? Json::array({interval->low, interval->high}) : Json(nullptr);
}

}  // namespace

std::vector<ScoreTable> score_tables(const StudyScore& score, const StudyKey& key) {
  return {completeness_table(score),   realism_table(score), alignment_table(score),
          confusion_table(score, key), times_table(score),   agreement_table(score)};
}

Json to_json(const StudyScore& score) {
  Json realism = Json::array(), alignment = Json::array(), agreement = Json::array();
  for (const RealismScore& row : score.realism) {
    if (row.reader.empty()) {
      realism.push_back({{"group", row.group},
                         {"class", row.class_name},
                         {"type", row.type},
                         {"recall", json_of(row.recall)},
                         {"recall_interval", json_of(row.recall_interval)},
                         {"readers_recall", row.readers_recall},
                         {"precision", json_of(row.precision)},
                         {"precision_interval", json_of(row.precision_interval)},
                         {"readers_precision", row.readers_precision},
                         {"accuracy", json_of(row.accuracy)},
                         {"accuracy_interval", json_of(row.accuracy_interval)},
                         {"pairs", row.pairs},
                         {"pairs_right", row.pairs_right}});
    }
  }
  for (const AlignmentScore& row : score.alignment) {
    if (row.reader.empty()) {
      const auto rate = [](std::int64_t hits, std::int64_t trials) {
        return trials == 0 ? Json(nullptr) : Json(static_cast<double>(hits) / static_cast<double>(trials));
      };
      alignment.push_back(
          {{"group", row.group},
           {"images_are", side(row.is_synthetic)},
           {"quality", rate(row.quality_sufficient, row.quality_answers)},
           {"quality_interval", json_of(row.quality_interval)},
           {"class", rate(row.class_correct, row.class_answers)},
           {"class_interval", json_of(row.class_interval)},
           {"confidence", row.confidence_answers > 0 ? Json(row.confidence_mean) : Json(nullptr)},
           {"confidence_interval", json_of(row.confidence_interval)}});
    }
  }
  for (const Agreement& row : score.agreement) {
    agreement.push_back({{"group", row.group},
                         {"question", row.question},
                         {"readers", row.readers},
                         {"items", row.items},
                         {"kappa", json_of(row.kappa)}});
  }
  std::int64_t answered = 0, incomplete = 0, missing = 0;
  for (const Completeness& row : score.completeness) {
    answered += row.answered;
    incomplete += row.incomplete;
    missing += row.missing;
  }
  return {{"answered", answered}, {"incomplete", incomplete}, {"missing", missing},
          {"realism", realism},   {"alignment", alignment},   {"agreement", agreement}};
}

ScoreTable imrmc_table(const StudyKey& key, const std::vector<ReaderAnswer>& answers) {
  ScoreTable table{"imrmc.csv", "", {"readerID", "caseID", "modalityID", "score"}};
  const auto case_of = [](const std::string& trial, std::size_t number) {
    return trial + (number == 0 ? "-left" : "-right");
  };
  for (const auto& [id, trial] : key.trials) {
    for (std::size_t i = 0; trial.part == PartKind::kPairs && i < trial.images.size(); ++i) {
      table.rows.push_back(
          {"truth", case_of(id, i), "truth", key.images.at(trial.images[i]).is_synthetic ? "1" : "0"});
    }
  }
  for (const ReaderAnswer& answer : answers) {
    for (std::size_t i = 0; i < 2; ++i) {
      if (const auto mark = mark_of(answer, i)) {
        table.rows.push_back({answer.reader, case_of(answer.trial, i), "pairs", *mark ? "1" : "0"});
      }
    }
  }
  return table;
}

}  // namespace medisyn
