#include "reader_case_bootstrap.h"

#include <algorithm>

#include "medisyn/eval/reader_study/draw.h"

namespace medisyn {
namespace {

Interval percentiles(std::vector<double> values, std::int64_t draws) {
  if (2 * std::ssize(values) < draws || values.empty()) {
    return std::nullopt;
  }
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const double next = values[std::min(below + 1, values.size() - 1)];
    return values[below] + (place - static_cast<double>(below)) * (next - values[below]);
  };
  return RateInterval{at(0.025), at(0.975)};
}

}  // namespace

std::vector<Interval> reader_case_bootstrap(std::size_t readers, std::size_t cases, std::size_t statistics,
                                            const ScoreOptions& options, const DrawnStatistics& of) {
  std::vector<Interval> intervals(statistics);
  if (readers < 2 || cases < 2) {
    return intervals;
  }
  Draw draw(options.seed, "bootstrap");
  std::vector<std::size_t> drawn_readers(readers), drawn_cases(cases);
  std::vector<std::vector<double>> values(statistics);
  for (std::int64_t i = 0; i < options.bootstrap_draws; ++i) {
    std::generate(drawn_readers.begin(), drawn_readers.end(), [&] { return draw.below(readers); });
    std::generate(drawn_cases.begin(), drawn_cases.end(), [&] { return draw.below(cases); });
    const std::vector<std::optional<double>> drawn = of(drawn_readers, drawn_cases);
    for (std::size_t s = 0; s < statistics; ++s) {
      if (drawn[s]) {
        values[s].push_back(*drawn[s]);
      }
    }
  }
  for (std::size_t s = 0; s < statistics; ++s) {
    intervals[s] = percentiles(std::move(values[s]), options.bootstrap_draws);
  }
  return intervals;
}

}  // namespace medisyn
