// How often somebody may ask.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

namespace medisyn {

/// A bucket of `burst` requests for every key, filled again by `per_second`. Safe in several threads; full
/// buckets are forgotten, so that addresses do not pile up.
class RateLimit {
 public:
  using Clock = std::chrono::steady_clock;

  RateLimit(double burst, double per_second) : burst_(burst), per_second_(per_second) {}

  /// Takes one request out of the key's bucket; false when it is empty.
  bool allows(const std::string& key, Clock::time_point now = Clock::now());

 private:
  struct Bucket {
    double left = 0;
    Clock::time_point since = {};
  };
  double left_at(const Bucket& bucket, Clock::time_point now) const;
  void forget_full(Clock::time_point now);

  double burst_;
  double per_second_;
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace medisyn
