// result.json: what a command was asked, with which inputs, and what it measured.
#pragma once

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace medisyn {

using Json = nlohmann::ordered_json;

/// Collects and writes `{"schema": "medisyn.result/1", "command", "version", "started", "seconds", "config",
/// "inputs": [{"path", "sha256"}], "metrics"}`.
class RunRecord {
 public:
  /// `command` as it would be typed ("medisyn eval fid"); the clock starts here.
  explicit RunRecord(std::string command);

  /// Adds an input with its hash: a file's own SHA-256; a folder's is that of its sorted list of names and
  /// sizes.
  void add_input(const std::filesystem::path& path);

  Json to_json() const;
  void write(const std::filesystem::path& folder) const;

  Json config = Json::object();
  Json metrics = Json::object();

 private:
  std::string command_;
  std::string started_;
  std::chrono::steady_clock::time_point start_;
  Json inputs_ = Json::array();
};

}  // namespace medisyn
