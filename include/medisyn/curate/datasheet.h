// datasheet.md: the questions of a datasheet, with the answers that the curation knows.
//
// After Gebru et al., 2021, Datasheets for Datasets, https://arxiv.org/abs/1803.09010: seven sections from
// the reasons for a data set to its maintenance, the questions shortened in our own words.
#pragma once

#include <string>
#include <vector>

#include "medisyn/curate/audit.h"

namespace medisyn {

/// What the study's configuration knows and the records do not. Sentences; "" where there is nothing to say.
struct StudyFacts {
  std::string name = "";               ///< of the data set
  std::string command = "";            ///< that made it: "medisyn curate --config study.yaml"
  std::string split = "";              ///< "80:10:10 by groups, stratified by repository and class, seed 0"
  std::string duplicates_policy = "";  ///< "one image of each cluster stays"
  std::string preprocessing = "";      ///< beside the records' own `transform`
};

/// Markdown. What cannot be known here is marked kToBeAnswered. It names no patient, study, video or group.
std::string datasheet(const Audit& audit, const StudyFacts& facts);

inline constexpr const char* kToBeAnswered = "TO BE ANSWERED BY THE AUTHORS";

}  // namespace medisyn
