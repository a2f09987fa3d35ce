// Intervals of what readers say about cases.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "medisyn/eval/reader_study/score.h"

namespace medisyn {

/// Statistics of drawn readers and drawn cases (their numbers, in the order of drawing; one drawn twice
/// counts twice); none where a draw leaves one undefined.
using DrawnStatistics = std::function<std::vector<std::optional<double>>(
    const std::vector<std::size_t>& readers, const std::vector<std::size_t>& cases)>;

/// Readers and cases are drawn with replacement, each on its own. 2.5 and 97.5 % of each statistic's draws,
/// linear between them; none of fewer than 2 readers or cases, or where less than half of the draws define
/// it. Every call with the same sizes draws the same.
std::vector<Interval> reader_case_bootstrap(std::size_t readers, std::size_t cases, std::size_t statistics,
                                            const ScoreOptions& options, const DrawnStatistics& of);

}  // namespace medisyn
