// The scores of scripts/golden/auroc.py.
#pragma once

#include <cstdint>
#include <vector>

#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"

namespace medisyn {

struct GoldenScores {
  std::vector<double> scores;
  std::vector<std::uint8_t> positives;
  std::vector<double> weights;
};

inline Json golden_aurocs(const std::string& part) {
  return Json::parse(read_file(std::string(MEDISYN_TEST_DATA) + "/auroc.json"))[part];
}

/// By the formula there, of an entry's "n", "step", "limit" and "lift".
inline GoldenScores golden_scores(const Json& entry, std::int64_t seed) {
  constexpr std::int64_t kPrime = 65521;
  const std::int64_t step = entry["step"];
  const std::int64_t lift = entry["lift"];
  GoldenScores made;
  for (std::int64_t i = 0; i < entry["n"].get<std::int64_t>(); ++i) {
    const std::int64_t value = (i * 7919 + seed * 104729) % kPrime;
    const bool is_positive =
        (i * i * 31 + i * 17 + seed * 1299709) % kPrime < entry["limit"].get<std::int64_t>();
    const std::int64_t score = value * value % kPrime / step + (is_positive ? lift : 0);
    made.scores.push_back(static_cast<double>(score) / 1024);
    made.positives.push_back(is_positive ? 1 : 0);
    made.weights.push_back(static_cast<double>(value % 5) / 4);
  }
  return made;
}

}  // namespace medisyn
