// A progress line on stderr: one that redraws itself on a terminal, one line every ten seconds in a log file.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace medisyn {

class Progress {
 public:
  /// `unit` is what is counted ("images", "steps"); `begun_at` of them were done by an earlier run and count
  /// neither for the rate nor for the time left.
  Progress(std::string label, std::int64_t total, std::string unit, std::int64_t begun_at = 0);

  /// `done` of `total`; `detail` is shown as it is ("loss 0.0123").
  void update(std::int64_t done, const std::string& detail = {});

  /// Draws the last state and ends the line.
  void finish();

 private:
  void draw(const std::string& detail);

  std::string label_;
  std::int64_t total_;
  std::string unit_;
  std::int64_t begun_at_;
  std::int64_t done_;
  std::string detail_;
  bool terminal_;
  bool finished_ = false;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point last_drawn_;
};

/// "1 h 05 min", "3 min 20 s", "12 s".
std::string format_duration(double seconds);

}  // namespace medisyn
