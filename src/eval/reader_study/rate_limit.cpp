#include "medisyn/eval/reader_study/rate_limit.h"

#include <algorithm>

namespace medisyn {
namespace {

constexpr std::size_t kManyBuckets = 10000;

}  // namespace

double RateLimit::left_at(const Bucket& bucket, Clock::time_point now) const {
  const double seconds = std::chrono::duration<double>(now - bucket.since).count();
  return std::min(burst_, bucket.left + seconds * per_second_);
}

void RateLimit::forget_full(Clock::time_point now) {
  std::erase_if(buckets_, [&](const auto& entry) { return left_at(entry.second, now) >= burst_; });
}

bool RateLimit::allows(const std::string& key, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (buckets_.size() >= kManyBuckets) {
    forget_full(now);
    if (buckets_.size() >= kManyBuckets) {
      return false;
    }
  }
  Bucket& bucket = buckets_.try_emplace(key, Bucket{burst_, now}).first->second;
  bucket = {left_at(bucket, now), now};
  if (bucket.left < 1) {
    return false;
  }
  bucket.left -= 1;
  return true;
}

}  // namespace medisyn
