#include <algorithm>

#include "reader_sheets.h"

namespace medisyn {
namespace {

ResponseTime time_row(const std::string& group, const std::string& reader, TrialType type,
                      std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(seconds.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const double next = seconds[std::min(below + 1, seconds.size() - 1)];
    return seconds[below] + (place - static_cast<double>(below)) * (next - seconds[below]);
  };
  ResponseTime row{.group = group, .reader = reader, .type = std::string(name_of(type))};
  row.answers = std::ssize(seconds);
  if (!seconds.empty()) {
    row.quartile_1 = at(0.25);
    row.median = at(0.5);
    row.quartile_3 = at(0.75);
  }
  return row;
}

}  // namespace

void score_times(const StudyKey& key, const ReaderSheets& sheets, StudyScore& score) {
  for (const auto& [group, readers] : sheets) {
    for (const TrialType type : {TrialType::kRealReal, TrialType::kSyntheticSynthetic, TrialType::kMixed,
                                 TrialType::kReal, TrialType::kSynthetic}) {
      std::vector<double> whole;
      for (const ReaderSheet& reader : readers) {
        std::vector<double> seconds;
        for (const auto& [id, answer] : reader.answers) {
          if (key.trials.at(id).type == type && answer->response_ms >= 0) {
            seconds.push_back(static_cast<double>(answer->response_ms) / 1000);
          }
        }
        whole.insert(whole.end(), seconds.begin(), seconds.end());
        score.times.push_back(time_row(group, reader.name, type, std::move(seconds)));
      }
      score.times.push_back(time_row(group, "", type, std::move(whole)));
    }
  }
}

}  // namespace medisyn
