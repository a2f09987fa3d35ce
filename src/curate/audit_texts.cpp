#include <fmt/format.h>

#include <cctype>

#include "audit_parts.h"

namespace medisyn {

std::string reason_without_file(const RejectedFile& rejected) {
  std::string text = rejected.reason;
  // A message begins with the path; above the repository's folder it is the machine's own.
  const std::size_t path = rejected.file.empty() ? std::string::npos : text.find(rejected.file);
  if (path != std::string::npos) {
    text.erase(0, path + rejected.file.size());
    text.erase(0, std::min(text.find_first_not_of(": "), text.size()));
  }
  const std::string name = rejected.file.substr(rejected.file.find_last_of('/') + 1);
  for (std::size_t at = text.find(name); !name.empty() && at != std::string::npos; at = text.find(name, at)) {
    text.replace(at, name.size(), "...");
  }
  return text.empty() ? rejected.reason : text;
}

std::string rejection_kind(const RejectedFile& rejected) {
  std::string kind;
  bool in_number = false;
  for (const char c : reason_without_file(rejected)) {
    const bool is_digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    kind += is_digit && !in_number ? "N" : is_digit ? "" : std::string(1, c);
    in_number = is_digit;
  }
  return kind;
}

std::string with_commas(std::int64_t number) {
  std::string digits = std::to_string(number);
  const std::size_t first = digits.front() == '-' ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string percent(std::int64_t part, std::int64_t whole) {
  if (whole == 0) {
    return {};
  }
  const double share = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  return part > 0 && share < 0.05 ? "< 0.1 %" : fmt::format("{:.1f} %", share);
}

}  // namespace medisyn
