#include "medisyn/eval/reader_study/plan.h"

#include <cmath>

#include "medisyn/core/error.h"
#include "medisyn/stats/wilson.h"

namespace medisyn {

double expected_width(const PlanAssumptions& assumptions, std::int64_t readers, std::int64_t cases) {
  const double whole = assumptions.rate * (1 - assumptions.rate);
  const double reader = assumptions.reader_sd * assumptions.reader_sd;
  const double by_case = assumptions.case_sd * assumptions.case_sd;
  if (reader + by_case > whole) {
    fail(
        "a rate of {} has the variance {:.4f}, of which readers and cases cannot explain {:.4f} + {:.4f}: "
        "lower --reader-sd or --case-sd",
        assumptions.rate, whole, reader, by_case);
  }
  const auto r = static_cast<double>(readers), c = static_cast<double>(cases);
  const double variance = reader / r + by_case / c + (whole - reader - by_case) / (r * c);
  return 2 * normal_quantile_two_sided(assumptions.level) * std::sqrt(variance);
}

}  // namespace medisyn
