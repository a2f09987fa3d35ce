// How sure a study will be, before anybody's time is spent.
#pragma once

#include <cstdint>

namespace medisyn {

struct PlanAssumptions {
  double rate = 0.7;       ///< expected share of right answers, 0..1: recall, say
  double reader_sd = 0.1;  ///< between readers, of their own rates
  double case_sd = 0.2;    ///< between cases, of their own rates
  double level = 0.95;
};

/// Full width of the interval about a mean over readers who all judge the same cases:
///
///   var = reader_sd^2 / R + case_sd^2 / C + (rate (1 - rate) - reader_sd^2 - case_sd^2) / (R C)
///   width = 2 z sqrt(var)
///
/// A single answer has the variance rate (1 - rate), of which readers and cases explain their parts. Normal
/// approximation: at few readers somewhat too narrow. Error when the parts are more than the whole. Source:
/// Gallas, Academic Radiology 13 (2006) 353, for one modality.
double expected_width(const PlanAssumptions& assumptions, std::int64_t readers, std::int64_t cases);

}  // namespace medisyn
