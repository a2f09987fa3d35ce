// AUROCs and DeLong's tests of many cases: the half of scripts/parity_classify.py that is medisyn's.
//
//   auroc_run CASES.jsonl OUT.jsonl
//
// A case: {"classes": C, "scores": [N * C in rows], "second": the same, "targets": the same of 1, 0 or null}
// or, of one class without nulls, "weights": [N]. A line of OUT: {"classes": [...], "macro", "weighted",
// "intervals": [[auroc, variance, low, high], ...], "tests": [[variance, z, p], ...]}, null where there is
// none.
#include <cstdio>
#include <limits>
#include <sstream>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"
#include "medisyn/stats/auroc.h"
#include "medisyn/stats/delong.h"

namespace medisyn {
namespace {

Json number_or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json answer(const Json& entry) {
  const auto classes = entry.at("classes").get<std::size_t>();
  const auto scores = entry.at("scores").get<std::vector<double>>();
  const auto second = entry.at("second").get<std::vector<double>>();
  std::vector<float> targets;
  for (const Json& target : entry.at("targets")) {
    targets.push_back(target.is_null() ? std::numeric_limits<float>::quiet_NaN() : target.get<float>());
  }
  const ClassAurocs found = class_aurocs(scores, targets, classes);
  Json result = {{"classes", Json::array()},
                 {"macro", number_or_null(found.macro)},
                 {"weighted", nullptr},
                 {"intervals", Json::array()},
                 {"tests", Json::array()}};
  for (std::size_t index = 0; index < classes; ++index) {
    result["classes"].push_back(number_or_null(found.classes[index]));
    const ClassColumn column = class_column(scores, targets, classes, index);
    const auto interval = delong_interval(column.scores, column.positives);
    result["intervals"].push_back(
        interval ? Json{interval->auroc, interval->variance, interval->low, interval->high} : Json(nullptr));
    const auto test =
        delong_test(column.scores, class_column(second, targets, classes, index).scores, column.positives);
    result["tests"].push_back(test ? Json{test->variance, test->z, test->p} : Json(nullptr));
  }
  if (entry.contains("weights")) {
    const ClassColumn column = class_column(scores, targets, classes, 0);
    result["weighted"] = number_or_null(
        auroc(column.scores, column.positives, entry.at("weights").get<std::vector<double>>()));
  }
  return result;
}

void run(const fs::path& cases, const fs::path& out) {
  std::istringstream lines(read_file(cases));
  std::string answers;
  for (std::string line; std::getline(lines, line);) {
    answers += answer(Json::parse(line)).dump() + "\n";
  }
  write_file(out, answers);
}

}  // namespace
}  // namespace medisyn

int main(int argc, char** argv) {
  try {
    if (argc != 3) {
      medisyn::fail("usage: auroc_run CASES.jsonl OUT.jsonl");
    }
    medisyn::run(argv[1], argv[2]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
}
