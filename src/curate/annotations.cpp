#include "medisyn/curate/annotations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/numbers.h"
#include "medisyn/curate/table.h"
#include "medisyn/text/caption.h"

namespace medisyn {
namespace {

constexpr std::size_t kShown = 40;

/// "1:02:03.5" -> 3723.5
std::optional<double> clock_seconds(const std::string& text) {
  double seconds = 0;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(':', begin), text.size());
    const auto part = parse_number<double>(text.substr(begin, end - begin));
    if (!part) {
      return std::nullopt;
    }
    seconds = seconds * 60 + *part;
    begin = end + 1;
  }
  return seconds;
}

}  // namespace

std::optional<fs::path> annotations_file(const fs::path& root, const RepositoryConfig& repository,
                                         const Item& item) {
  if (!repository.frames || !repository.frames->annotations) {
    return std::nullopt;
  }
  const fs::path below(item.stem);
  return root / repository.path /
         fill_template(
             repository.frames->annotations->path,
             {{"folder", below.parent_path().generic_string()}, {"stem", below.filename().string()}});
}

Annotations::Annotations(const AnnotationsConfig& config, const fs::path& file) {
  Table table = read_table(file, config.header, config.separator);
  const auto seconds = [&](std::size_t row, std::size_t column) {
    const std::string& text = table.rows[row][column];
    const auto number = config.unit == "h:mm:ss" ? clock_seconds(text) : parse_number<double>(text);
    if (!number || !std::isfinite(*number)) {
      fail("{}: expected a time in {}, found {:?}", table.where(row), config.unit, text.substr(0, kShown));
    }
    return config.unit == "frames" ? *number / config.frames_per_second : *number;
  };
  const auto names = std::make_shared<std::vector<std::string>>(table.header);
  const std::size_t at = table.column(config.at);
  const std::size_t until = config.end.empty() ? at : table.column(config.end);
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const double begin = seconds(row, at);
    const double end = config.end.empty() ? std::numeric_limits<double>::infinity() : seconds(row, until);
    rows_.push_back({.begin = begin, .end = end, .fields = Fields(names, std::move(table.rows[row]))});
  }
  std::stable_sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.begin < b.begin; });
}

const Fields* Annotations::at(double seconds) const {
  constexpr double kRounding = 1e-6;  // of times that are frame numbers over a rate
  const auto after = std::upper_bound(rows_.begin(), rows_.end(), seconds + kRounding,
                                      [](double time, const Row& row) { return time < row.begin; });
  if (after == rows_.begin() || seconds >= std::prev(after)->end) {
    return nullptr;
  }
  return &std::prev(after)->fields;
}

}  // namespace medisyn
