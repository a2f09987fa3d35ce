#include "validation.h"

#include <algorithm>

namespace medisyn {
namespace {

constexpr std::int64_t kAtATime = 16;  ///< images

}  // namespace

Scores held_out_scores(const Objective& objective, Communicator& ranks) {
  const std::int64_t count = std::ssize(objective.held_out_types);
  torch::Tensor values = torch::zeros({count}, torch::kDouble);
  for (std::int64_t first = ranks.rank().rank * kAtATime; first < count; first += ranks.world() * kAtATime) {
    const auto part = objective.evaluate(first, std::min(first + kAtATime, count));
    std::copy(part.begin(), part.end(), values.data_ptr<double>() + first);
  }
  ranks.sum(values);
  return mean_scores(objective.score, {values.data_ptr<double>(), values.data_ptr<double>() + count},
                     objective.held_out_types);
}

std::vector<std::string> draw_previews(const Objective& objective, std::int64_t count, Communicator& ranks) {
  std::vector<std::string> pngs;
  for (std::int64_t first = 0; objective.preview && first < count; first += ranks.world()) {
    const std::int64_t own = first + ranks.rank().rank;
    const auto drawn = ranks.gather(own < count ? encode_png(objective.preview(own)) : "");
    pngs.insert(pngs.end(), drawn.begin(), drawn.begin() + std::min(ranks.world(), count - first));
  }
  return pngs;
}

}  // namespace medisyn
