#include "medisyn/curate/annotations.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/numbers.h"
#include "medisyn/curate/table.h"
#include "medisyn/text/caption.h"

namespace medisyn {
namespace {

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
  const auto column = [&](const std::string& name) {
    const auto found = std::find(table.header.begin(), table.header.end(), name);
    if (found == table.header.end()) {
      fail("{}: expected a column {:?}, found {}", file.string(), name, fmt::join(table.header, ", "));
    }
    return static_cast<std::size_t>(found - table.header.begin());
  };
  const auto seconds = [&](const std::string& text) {
    const auto number = config.unit == "h:mm:ss" ? clock_seconds(text) : parse_number<double>(text);
    if (!number) {
      fail("{}: expected a time in {}, found {:?}", file.string(), config.unit, text);
    }
    return config.unit == "frames" ? *number / config.frames_per_second : *number;
  };
  const auto names = std::make_shared<std::vector<std::string>>(table.header);
  const std::size_t at = column(config.at);
  for (auto& row : table.rows) {
    const double end =
        config.end.empty() ? std::numeric_limits<double>::infinity() : seconds(row[column(config.end)]);
    rows_.push_back({.begin = seconds(row[at]), .end = end, .fields = Fields(names, std::move(row))});
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
