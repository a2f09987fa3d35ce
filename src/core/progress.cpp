#include "medisyn/core/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "medisyn/core/log.h"

namespace medisyn {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

std::string format_duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole >= 3600) {
    return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
  }
  if (whole >= 60) {
    return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  }
  return fmt::format("{} s", whole);
}

Progress::Progress(std::string label, std::int64_t total, std::string unit, std::int64_t begun_at)
    : label_(std::move(label)),
      total_(total),
      unit_(std::move(unit)),
      begun_at_(begun_at),
      done_(begun_at),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      last_drawn_(start_) {}

void Progress::update(std::int64_t done, const std::string& detail) {
  done_ = done;
  detail_ = detail;
  const double pause = terminal_ ? 0.2 : 10.0;
  if (seconds_between(last_drawn_, Clock::now()) >= pause) {
    draw(detail);
  }
}

void Progress::finish() {
  if (finished_) {
    return;
  }
  finished_ = true;
  draw(detail_);
  if (terminal_ && !is_quiet()) {
    std::fputc('\n', stderr);
  }
}

void Progress::draw(const std::string& detail) {
  last_drawn_ = Clock::now();
  if (is_quiet()) {
    return;
  }
  const double elapsed = seconds_between(start_, last_drawn_);
  const double rate = elapsed > 0 ? static_cast<double>(done_ - begun_at_) / elapsed : 0;
  std::string time = format_duration(elapsed);
  if (!finished_ && rate > 0) {
    time = format_duration(static_cast<double>(total_ - done_) / rate) + " left";
  }
  const std::string shown = rate > 0 && rate < 1 ? fmt::format("{:.2g}", rate) : fmt::format("{:.1f}", rate);
  const std::string line = fmt::format("{} {}/{} {}{}{}  {} {}/s  {}", label_, done_, total_, unit_,
                                       detail.empty() ? "" : "  ", detail, shown, unit_, time);
  if (terminal_) {
    fmt::print(stderr, "\r{}\x1b[K", line);
  } else {
    fmt::print(stderr, "{}\n", line);
  }
  std::fflush(stderr);
}

}  // namespace medisyn
