// The tables of a repository, whatever their format.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace medisyn {

struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  ///< each as long as the header
};

/// .csv, .tsv, .jsonl, .json (a list of objects; the columns are their keys); anything else is cut at white
/// space. `header`: the columns' names of a file that has no line of them. `separator`: other than the
/// extension's. Error naming the file: missing, malformed, a row of another length.
Table read_table(const std::filesystem::path& file, const std::vector<std::string>& header,
                 const std::string& separator = "");

}  // namespace medisyn
