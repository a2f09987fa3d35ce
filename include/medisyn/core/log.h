// Messages for the user, on stderr. stdout belongs to results.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace medisyn {

enum class LogLevel { kInfo, kWarning, kError };

/// Writes one line to stderr; info lines are dropped while quiet.
void log_line(LogLevel level, const std::string& line);
void set_quiet(bool quiet);
bool is_quiet();

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace medisyn
