// Answers laid out by group and reader, for the scores.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "medisyn/eval/reader_study/score.h"

namespace medisyn {

struct ReaderSheet {
  std::string name = {};
  std::map<std::string, const ReaderAnswer*> answers = {};  ///< by trial
};

/// group -> its readers, those without an answer included.
using ReaderSheets = std::map<std::string, std::vector<ReaderSheet>>;

void score_realism(const StudyKey& key, const ReaderSheets& sheets, const ScoreOptions& options,
                   StudyScore& score);
void score_alignment(const StudyKey& key, const ReaderSheets& sheets, const ScoreOptions& options,
                     StudyScore& score);
void score_times(const StudyKey& key, const ReaderSheets& sheets, StudyScore& score);
void score_agreement(const StudyKey& key, const ReaderSheets& sheets, StudyScore& score);

/// The marks of a pair's left and right image; none where that side was left open.
std::optional<bool> mark_of(const ReaderAnswer& answer, std::size_t side);

/// Of a class among the study's.
std::size_t class_number(const StudyKey& key, const std::string& name);

}  // namespace medisyn
