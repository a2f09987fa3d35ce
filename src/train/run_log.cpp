#include "medisyn/train/run_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "medisyn/core/files.h"
#include "medisyn/dist/memory.h"
#include "medisyn/io/jsonl.h"

namespace medisyn {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kGiga = 1e9;
constexpr double kTera = 1e12;
/// Backward computes the gradients of inputs and of weights, each as much work as forward.
constexpr double kPassesPerStep = 3;

/// Drops the lines of steps that a resumed run will do again.
void cut_metrics(const fs::path& path, std::int64_t step) {
  if (!fs::exists(path)) {
    return;
  }
  std::istringstream lines(read_file(path));
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_object() && json.value("step", std::int64_t{0}) <= step) {
      kept += line + "\n";
    }
  }
  write_file(path, kept);
}

Scores first_validation(const fs::path& path) {
  Scores scores;
  if (!fs::exists(path)) {
    return scores;
  }
  for (const Json& line : read_jsonl(path)) {
    for (const auto& [name, value] : line.items()) {
      if (name.starts_with("validation/") && value.is_number()) {
        scores.emplace_back(name, value.get<double>());
      }
    }
    if (!scores.empty()) {
      break;
    }
  }
  return scores;
}

}  // namespace

RunLog::RunLog(fs::path run, std::int64_t step)
    : run_(std::move(run)), events_(run_ / "tensorboard"), window_start_(Clock::now()) {
  cut_metrics(run_ / "metrics.jsonl", step);
  first_scores_ = first_validation(run_ / "metrics.jsonl");
}

double RunLog::seconds() const {
  return std::max(std::chrono::duration<double>(Clock::now() - window_start_).count(), 1e-9);
}

void RunLog::add(const StepFigures& figures) {
  sums_.loss += figures.loss;
  sums_.grad_norm = figures.grad_norm;
  sums_.learning_rate = figures.learning_rate;
  sums_.images += figures.images;
  sums_.data_wait += figures.data_wait;
  sums_.forward_backward_seconds += figures.forward_backward_seconds;
  sums_.optimizer_seconds += figures.optimizer_seconds;
  ++steps_;
  shown_ = fmt::format("loss {:.4f}  {:.3g} images/s", sums_.loss / static_cast<double>(steps_),
                       static_cast<double>(sums_.images) / seconds());
}

std::string RunLog::shown() const { return shown_; }

void RunLog::write_window(std::int64_t step, std::int64_t epoch, const Speed& speed,
                          const torch::Device& device) {
  const auto steps = static_cast<double>(std::max<std::int64_t>(steps_, 1));
  const double images_per_second = static_cast<double>(sums_.images) / seconds();
  Scores line{{"loss", sums_.loss / steps},
              {"learning_rate", sums_.learning_rate},
              {"grad_norm", sums_.grad_norm},
              {"images_per_second", images_per_second},
              {"data_wait", sums_.data_wait / seconds()},
              {"forward_backward_seconds", sums_.forward_backward_seconds / steps},
              {"optimizer_seconds", sums_.optimizer_seconds / steps}};
  const double flops = kPassesPerStep * speed.flops_per_image * images_per_second;
  line.emplace_back("tflops", flops / kTera);
  if (speed.peak_flops) {
    line.emplace_back("mfu", flops / *speed.peak_flops);
  }
  const auto memory = device_memory(device);
  line.emplace_back("memory_gb", static_cast<double>(memory ? memory->peak : peak_host_bytes()) / kGiga);
  write(step, epoch, line);
  sums_ = {};
  steps_ = 0;
  window_start_ = Clock::now();
}

void RunLog::write_scores(std::int64_t step, std::int64_t epoch, const Scores& scores) {
  write(step, epoch, scores);
  if (first_scores_.empty()) {
    first_scores_ = scores;
  }
}

void RunLog::write(std::int64_t step, std::int64_t epoch, const Scores& scores) {
  Json line = {{"step", step}, {"epoch", epoch}};
  for (const auto& [name, value] : scores) {
    line[name] = value;
    events_.add_scalar(name, value, step);
  }
  append_line(run_ / "metrics.jsonl", line.dump());
}

void RunLog::write_preview(std::int64_t step, std::int64_t number, const std::string& prompt,
                           const std::string& png) {
  const fs::path folder = run_ / "previews" / fmt::format("step-{}", step);
  fs::create_directories(folder);
  write_file(folder / fmt::format("{:02}.png", number), png);
  const Image image = decode_image(png, "preview");
  events_.add_image(fmt::format("preview/{:02} {}", number, prompt), png, image.width, image.height, step);
}

}  // namespace medisyn
