// Numbers out of text.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace medisyn {

/// The whole text as a number ("12", "-3", "1.5e-4", in any locale); nothing when something is left over, or
/// it does not fit into a Number.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace medisyn
