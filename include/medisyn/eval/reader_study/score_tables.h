// A study's score as tables, JSON, a page, and iMRMC's input.
#pragma once

#include <string>
#include <vector>

#include "medisyn/eval/reader_study/score.h"

namespace medisyn {

struct ScoreTable {
  std::string name = {};  ///< of its file: "realism.csv"
  std::string heading = {};
  std::vector<std::string> header = {};
  std::vector<std::vector<std::string>> rows = {};
};

/// completeness.csv, realism.csv, alignment.csv, confusion.csv, response_times.csv, agreement.csv; what is
/// undefined is an empty cell.
std::vector<ScoreTable> score_tables(const StudyScore& score, const StudyKey& key);

/// The groups' numbers, for result.json.
Json to_json(const StudyScore& score);

/// One page with the tables and plots of recall and precision.
std::string score_page(const StudyScore& score, const StudyKey& key, const std::string& title);

/// The layout of iMRMC's data frame: a truth row for each image of a pair, then a row for each mark, score 1
/// for "synthetic". Source: R package iMRMC, dfMRMC_example.
ScoreTable imrmc_table(const StudyKey& key, const std::vector<ReaderAnswer>& answers);

}  // namespace medisyn
