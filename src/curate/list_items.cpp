#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <regex>
#include <set>
#include <unordered_map>

#include "medisyn/core/config_node.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/curate/item.h"
#include "medisyn/curate/table.h"
#include "medisyn/io/dicom.h"
#include "medisyn/io/image.h"
#include "medisyn/io/tar.h"
#include "medisyn/text/caption.h"

namespace medisyn {
namespace {

/// The columns that a repository's config names.
std::set<std::string> named_columns(const RepositoryConfig& repository) {
  std::set<std::string> names{repository.patient.column, repository.labels.column};
  for (const auto& id : {repository.study, repository.video}) {
    names.insert(id ? id->column : "");
  }
  for (const auto& [column, label] : repository.labels.columns) {
    names.insert(column);
  }
  for (const auto& [word, pick] : repository.words) {
    names.insert(pick.column);
  }
  names.insert(repository.split.official ? repository.split.official->column : "");
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

std::size_t column_of(const Table& table, const std::string& name, const std::string& where) {
  const auto found = std::find(table.header.begin(), table.header.end(), name);
  if (found == table.header.end()) {
    const std::string nearest = nearest_word(name, table.header);
    fail("{}: expected a column {:?}, found none{}", where, name,
         nearest.empty() ? "" : fmt::format("; did you mean {:?}?", nearest));
  }
  return static_cast<std::size_t>(found - table.header.begin());
}

/// The rows of `table`, each with the columns of the row of `other` that has the same key; empty where none
/// has.
Table joined(Table table, const Table& other, const std::string& key, const std::string& where) {
  const std::size_t own = column_of(table, key, where), theirs = column_of(other, key, where);
  std::unordered_map<std::string, std::size_t> rows;
  for (std::size_t i = 0; i < other.rows.size(); ++i) {
    rows.emplace(other.rows[i][theirs], i);
  }
  for (auto& row : table.rows) {
    const auto found = rows.find(row[own]);
    for (std::size_t column = 0; column < other.header.size(); ++column) {
      if (column != theirs) {
        row.push_back(found == rows.end() ? "" : other.rows[found->second][column]);
      }
    }
  }
  for (std::size_t column = 0; column < other.header.size(); ++column) {
    if (column != theirs) {
      table.header.push_back(other.header[column]);
    }
  }
  return table;
}

bool stays(const std::map<std::string, std::vector<std::string>>& where, const Fields& fields) {
  return std::all_of(where.begin(), where.end(), [&](const auto& condition) {
    const std::string* value = fields.find(condition.first);
    const auto& [column, values] = condition;
    return value == nullptr || std::find(values.begin(), values.end(), *value) != values.end();
  });
}

std::string without_extensions(const std::string& below) {
  const std::size_t slash = below.rfind('/');
  const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
  return below.substr(0, below.find('.', name + 1));
}

bool is_below(const std::string& path) {
  const fs::path normal = fs::path(path).lexically_normal();
  return !path.empty() && normal.is_relative() && *normal.begin() != "..";
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
        from_tar(archive);
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
      if (entry.is_regular_file() && !is_hidden && std::regex_match(below(entry.path()), pattern)) {
        files.push_back(entry.path());
      }
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  void from_table(const TableConfig& config) {
    const fs::path file = root_ / config.file;
    Table table = read_table(file, config.header);
    if (config.join) {
      const fs::path other = root_ / config.join->file;
      table = joined(std::move(table), read_table(other, config.join->header), config.join->key,
                     fmt::format("{}: {} and {}", where_, file.string(), other.string()));
    }
    const std::vector<std::size_t> kept = kept_columns(table, file);
    const auto names = std::make_shared<std::vector<std::string>>();
    for (const std::size_t column : kept) {
      names->push_back(table.header[column]);
    }
    for (auto& row : table.rows) {
      CaptionWords words;
      std::vector<std::string> values;
      for (const std::size_t column : kept) {
        values.push_back(row[column]);
        words[table.header[column]] = row[column];
      }
      Item item{.below = fill_template(config.path, words), .fields = Fields(names, std::move(values))};
      item.file = root_ / item.below;
      add(std::move(item));
      row.clear();
    }
  }

  /// Those that the config names, and the path's.
  std::vector<std::size_t> kept_columns(const Table& table, const fs::path& file) const {
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
    std::vector<std::size_t> kept;
    for (const std::string& name : names) {
      kept.push_back(column_of(table, name, fmt::format("{}: {}", where_, file.string())));
    }
    return kept;
  }

  /// Samples of a WebDataset: members that share the name before the first dot.
  void from_tar(const fs::path& archive) {
    const TarIndex index(archive);
    std::map<std::string, std::vector<const TarEntry*>> samples;
    for (const TarEntry& entry : index.entries()) {
      samples[without_extensions(entry.name)].push_back(&entry);
    }
    for (const auto& [key, members] : samples) {
      std::vector<std::string> names, values;
      for (const TarEntry* member : members) {
        add_columns(index, *member, key, names, values);
      }
      const Fields fields(std::make_shared<std::vector<std::string>>(std::move(names)), std::move(values));
      for (const TarEntry* member : members) {
        if (has_image_extension(member->name)) {
          add({.file = archive,
               .below = below(archive) + "/" + member->name,
               .begin = member->begin,
               .size = member->size,
               .fields = fields});
        }
      }
    }
  }

  /// The columns that a sample's .json and text members give: its keys, and "txt", "cls" by their extension.
  static void add_columns(const TarIndex& index, const TarEntry& member, const std::string& key,
                          std::vector<std::string>& names, std::vector<std::string>& values) {
    const std::string extension = member.name.substr(std::min(member.name.size(), key.size() + 1));
    if (extension == "json") {
      const Json json = Json::parse(index.read(member), nullptr, /*allow_exceptions=*/false);
      if (!json.is_object()) {
        fail("{}: {}: expected a JSON object", index.path().string(), member.name);
      }
      for (const auto& [name, value] : json.items()) {
        names.push_back(name);
        values.push_back(value.is_string() ? value.get<std::string>() : value.dump());
      }
    } else if (extension == "txt" || extension == "cls") {
      names.push_back(extension);
      values.push_back(index.read(member));
      while (!values.back().empty() && std::isspace(static_cast<unsigned char>(values.back().back())) != 0) {
        values.back().pop_back();
      }
    }
  }

  void add(Item item) {
    if (!stays(repository_.where, item.fields)) {
      ++filtered_out_;
      return;
    }
    if (!is_below(item.below)) {
      item.fault = fmt::format("{:?}: the path leaves its repository's folder", item.below);
    }
    item.stem = without_extensions(item.below);
    items_.push_back(std::move(item));
  }

  /// Two files of one name ("a b.png" and "a-b.jpg") are told apart by a number.
  void name_all() {
    std::set<std::string> taken;
    for (Item& item : items_) {
      const std::string base = repository_.name + "-" + slug(item.stem);
      item.id = base;
      for (int copy = 2; !taken.insert(item.id).second; ++copy) {
        item.id = fmt::format("{}-{}", base, copy);
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
