// Which images a step sees, and the random keys of each.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace medisyn {

/// One use of one training image.
struct SampleDraw {
  std::int64_t index = 0;  ///< of the training image
  std::int64_t epoch = 0;
  std::int64_t repeat = 0;  ///< an image may be drawn more than once an epoch when types are balanced
  std::uint64_t id_hash = 0;
  std::uint64_t seed = 0;

  /// The seed of this draw's own generator for one purpose ("noise", "timestep", "dropout", "posterior"). It
  /// depends on seed, epoch and sample alone: not on batch size, rank or resume.
  std::uint32_t key(std::string_view purpose) const;
};

/// The endless list of batches, epoch after epoch. An epoch has as many draws as there are images; without
/// balance each image comes once. With balance each image type gets its share of the epoch's draws (largest
/// remainder), and within a type all images come equally often, one time more or less. The order is shuffled
/// by (seed, epoch). Batches are cut from an epoch's draws; its last one holds what is left.
class SampleOrder {
 public:
  /// `balance`: image type -> relative share; a type that is not named gets no draw. Error when a named type
  /// has no image. Empty: no balance.
  SampleOrder(std::vector<std::string> ids, std::vector<std::string> types,
              const std::map<std::string, double>& balance, std::uint64_t seed, std::int64_t batch_size);

  /// The draws of step 0, 1, ...: batch_size of them, or fewer in the last step of an epoch.
  std::vector<SampleDraw> batch(std::int64_t step);

  std::int64_t epoch_size() const { return static_cast<std::int64_t>(ids_.size()); }
  std::int64_t steps_per_epoch() const { return (epoch_size() + batch_size_ - 1) / batch_size_; }

 private:
  const std::vector<SampleDraw>& epoch_draws(std::int64_t epoch);

  std::vector<std::string> ids_;
  std::vector<std::vector<std::int64_t>> groups_;  ///< images of each drawn type
  std::vector<std::int64_t> quotas_;               ///< draws an epoch of each
  std::uint64_t seed_;
  std::int64_t batch_size_;
  std::int64_t cached_epoch_ = -1;
  std::vector<SampleDraw> cached_;
};

/// The draws of a batch that rank `rank` of `world` computes: a part of their sequence, one draw more or
/// less; none where there are fewer draws than ranks.
std::vector<SampleDraw> share_of(const std::vector<SampleDraw>& draws, std::int64_t rank, std::int64_t world);

}  // namespace medisyn
