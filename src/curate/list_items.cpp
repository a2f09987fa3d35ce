#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <regex>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/curate/item.h"
#include "medisyn/curate/table.h"
#include "medisyn/data/shards.h"
#include "medisyn/io/dicom.h"
#include "medisyn/text/caption.h"
#include "tar_samples.h"

namespace medisyn {
namespace {

/// The columns that a repository's config names.
std::set<std::string> named_columns(const RepositoryConfig& repository) {
  std::set<std::string> names;
  for_each_text(repository, [&](const auto& text) { names.insert(text.column); });
  for (const auto& [column, label] : repository.labels.columns) {
    names.insert(column);
  }
  names.erase("");
  return names;
}

/// The columns that a video's annotations give, frame by frame, and the table need not.
std::set<std::string> annotated_columns(const RepositoryConfig& repository) {
  if (!repository.frames || !repository.frames->annotations) {
    return {};
  }
  const auto& header = repository.frames->annotations->header;
  return {header.begin(), header.end()};
}

bool stays(const std::map<std::string, std::vector<std::string>>& where, const Fields& fields) {
  return std::all_of(where.begin(), where.end(), [&](const auto& condition) {
    const std::string* value = fields.find(condition.first);
    const auto& [column, values] = condition;
    return value == nullptr || std::find(values.begin(), values.end(), *value) != values.end();
  });
}

constexpr std::size_t kLongestPath = 1024;  // std::regex goes a few calls deeper for each byte

/// Why what a path names must not be opened; "" for one that may. By its letters alone: a link in the file
/// system is the doing of those who own it.
std::string_view path_fault(const std::string& below) {
  if (below.size() > kLongestPath) {
    return "the path is longer than 1024 bytes";
  }
  if (std::ranges::any_of(below, [](unsigned char c) { return c < 0x20 || c == 0x7F; })) {
    return "the path holds control characters";
  }
  const fs::path normal = fs::path(below).lexically_normal();
  return below.empty() || normal.is_absolute() || *normal.begin() == ".."
             ? "the path leaves its repository's folder"
             : "";
}

/// The items of one repository, one source of them after the other.
class Lister {
 public:
  Lister(const CurateConfig& config, const RepositoryConfig& repository, std::int64_t& filtered_out)
      : repository_(repository),
        where_(fmt::format("repository {}", repository.name)),
        root_(config.root / repository.path),
        filtered_out_(filtered_out) {
    if (!fs::exists(root_)) {
      fail("{}: path {}: no such file or folder", where_, root_.string());
    }
  }

  std::vector<Item> list() {
    if (repository_.table) {
      from_table(*repository_.table);
    } else if (repository_.tar) {
      for (const fs::path& archive : matching_files()) {
        for (Item& item : list_tar_samples(archive, below(archive))) {
          add(std::move(item));
        }
      }
    } else {
      for (const fs::path& file : matching_files()) {
        add({.file = file, .below = below(file)});
      }
    }
    if (items_.empty()) {
      fail("{}: no file below {} {}", where_, root_.string(),
           repository_.table ? "is named by the table's rows that stay"
                             : fmt::format("matches the pattern {:?}", repository_.pattern));
    }
    std::sort(items_.begin(), items_.end(), [](const Item& a, const Item& b) {
      return std::tie(a.below, a.begin) < std::tie(b.below, b.begin);
    });
    name_all();
    return std::move(items_);
  }

 private:
  std::string below(const fs::path& file) const {
    return (fs::is_directory(root_) ? file.lexically_relative(root_) : file.filename()).generic_string();
  }

  std::vector<fs::path> matching_files() const {
    if (!fs::is_directory(root_)) {
      return {root_};
    }
    const std::regex pattern(repository_.pattern);
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
      const bool is_hidden = entry.path().filename().string().starts_with(".");
      const std::string path = below(entry.path());
      if (entry.is_regular_file() && !is_hidden &&
          (path.size() > kLongestPath || std::regex_match(path, pattern))) {
        files.push_back(entry.path());
      }
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  void from_table(const TableConfig& config) {
    const auto names = std::make_shared<std::vector<std::string>>();
    Table table = read_columns(config, *names);
    std::vector<std::size_t> columns;
    for (const std::string& name : *names) {
      columns.push_back(table.column(name));
    }
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
      const std::vector<std::string> cells = std::exchange(table.rows[row], {});
      CaptionWords words;
      std::vector<std::string> values;
      for (std::size_t i = 0; i < columns.size(); ++i) {
        values.push_back(cells[columns[i]]);
        words[(*names)[i]] = values.back();
      }
      Item item{.fields = Fields(names, std::move(values))};
      try {
        item.below = fill_template(config.path, words);
      } catch (const Error& error) {
        item.fault = fmt::format("{}: {}", table.where(row), error.what());
      }
      item.file = root_ / item.below;
      add(std::move(item));
    }
  }

  /// The table, joined with the other one; `names`: the columns of it that are needed.
  Table read_columns(const TableConfig& config, std::vector<std::string>& names) const {
    const std::set<std::string> wanted = wanted_columns();
    names.assign(wanted.begin(), wanted.end());
    Table table = read_table(root_ / config.file, config.header);
    if (config.join) {
      join(table, read_table(root_ / config.join->file, config.join->header), config.join->key, wanted);
    }
    return table;
  }

  /// Those that the config names, and the path's.
  std::set<std::string> wanted_columns() const {
    std::set<std::string> names = named_columns(repository_);
    for (const std::string& annotated : annotated_columns(repository_)) {
      names.erase(annotated);
    }
    for (const auto& [column, values] : repository_.where) {
      if (repository_.reader != "dicom" || !is_dicom_word(column)) {
        names.insert(column);
      }
    }
    for (const std::string& placeholder : placeholders(repository_.table->path)) {
      names.insert(placeholder);
    }
    return names;
  }

  void add(Item item) {
    if (!stays(repository_.where, item.fields)) {
      ++filtered_out_;
      return;
    }
    constexpr std::size_t kShown = 100;
    if (const auto fault = path_fault(item.below); item.fault.empty() && !fault.empty()) {
      item.fault = fmt::format("{:?}: {}", item.below.substr(0, kShown), fault);
    }
    item.stem = sample_name(item.below);
    items_.push_back(std::move(item));
  }

  /// Two files of one name ("a b.png" and "a-b.jpg") are told apart by a number. A name that is too long for
  /// the file system ends in its hash.
  void name_all() {
    constexpr std::size_t kLongest = 180, kHash = 16;
    std::unordered_set<std::string> taken;
    std::unordered_map<std::string, int> copies;
    for (Item& item : items_) {
      std::string base = repository_.name + "-" + slug(item.stem);
      if (base.size() > kLongest) {
        base = base.substr(0, kLongest - kHash) + sha256_hex(base).substr(0, kHash);
      }
      item.id = base;
      while (!taken.insert(item.id).second) {
        item.id = fmt::format("{}-{}", base, ++copies[base] + 1);
      }
    }
  }

  const RepositoryConfig& repository_;
  std::string where_;
  fs::path root_;
  std::int64_t& filtered_out_;
  std::vector<Item> items_;
};

}  // namespace

const std::string* Fields::find(std::string_view column) const {
  if (!names_) {
    return nullptr;
  }
  const auto found = std::find(names_->begin(), names_->end(), column);
  return found == names_->end() ? nullptr : &values_[static_cast<std::size_t>(found - names_->begin())];
}

std::string slug(std::string_view name) {
  std::string out;
  for (const unsigned char c : name) {
    if (std::isalnum(c) != 0) {
      out += static_cast<char>(std::tolower(c));
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  while (!out.empty() && out.back() == '-') {
    out.pop_back();
  }
  return out;
}

std::vector<Item> list_items(const CurateConfig& config, const RepositoryConfig& repository,
                             std::int64_t& filtered_out) {
  return Lister(config, repository, filtered_out).list();
}

}  // namespace medisyn
