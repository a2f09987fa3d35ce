// The tables of a repository, whatever their format.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "medisyn/core/run_record.h"
#include "medisyn/io/csv.h"

namespace medisyn {

/// A JSON value as a table's cell: text as it is, null as "", everything else as JSON.
std::string cell_text(const Json& value);

/// .csv, .tsv, .jsonl, .json (a list of objects; the columns are their keys); anything else is cut at white
/// space. `header`: the columns' names of a file that has no line of them. `separator`: other than the
/// extension's. Error naming the file: missing, malformed, a row of another length, JSON objects whose keys
/// differ so much that their table would be far larger than the file.
Table read_table(const std::filesystem::path& file, const std::vector<std::string>& header,
                 const std::string& separator = "");

/// Adds those of the `wanted` columns that `table` lacks from the rows of `other` with the same `key`; empty
/// where none has it. Error naming the table that has no such key.
void join(Table& table, const Table& other, const std::string& key, const std::set<std::string>& wanted);

}  // namespace medisyn
