#include "medisyn/core/run_record.h"

#include <fmt/format.h>

#include <ctime>
#include <set>
#include <utility>

#include "medisyn/core/files.h"
#include "medisyn/core/version.h"

namespace medisyn {
namespace {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string hash_folder(const fs::path& folder) {
  std::set<std::string> lines;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      lines.insert(fmt::format("{} {}\n", fs::relative(entry.path(), folder).string(), entry.file_size()));
    }
  }
  std::string listing;
  for (const std::string& line : lines) {
    listing += line;
  }
  return sha256_hex(listing);
}

}  // namespace

RunRecord::RunRecord(std::string command)
    : command_(std::move(command)), started_(utc_now()), start_(std::chrono::steady_clock::now()) {}

void RunRecord::add_input(const fs::path& path) {
  inputs_.push_back(
      {{"path", path.string()}, {"sha256", fs::is_directory(path) ? hash_folder(path) : sha256_file(path)}});
}

Json RunRecord::to_json() const {
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start_;
  return {
      {"schema", "medisyn.result/1"}, {"command", command_}, {"version", version()}, {"started", started_},
      {"seconds", seconds.count()},   {"config", config},    {"inputs", inputs_},    {"metrics", metrics}};
}

void RunRecord::write(const fs::path& folder) const {
  write_file(folder / "result.json", to_json().dump(2) + "\n");
}

}  // namespace medisyn
