#include "medisyn/core/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>

namespace medisyn {
namespace {

std::atomic<bool> quiet{false};

/// Info lines stand as they are; warnings and errors say what they are.
spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> kLogger = [] {
    auto made =
        std::make_shared<spdlog::logger>("medisyn", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *kLogger;
}

}  // namespace

void log_line(LogLevel level, const std::string& line) {
  switch (level) {
    case LogLevel::kInfo:
      if (!quiet) {
        logger().info(line);
      }
      break;
    case LogLevel::kWarning:
      logger().warn("warning: " + line);
      break;
    case LogLevel::kError:
      logger().error("error: " + line);
      break;
  }
}

void set_quiet(bool value) { quiet = value; }

bool is_quiet() { return quiet; }

}  // namespace medisyn
