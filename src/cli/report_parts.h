// The parts of `medisyn report`: each adds a section to the page, out of the results that the config names.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "medisyn/cli/report_config.h"
#include "medisyn/core/error.h"
#include "medisyn/core/run_record.h"
#include "medisyn/report/page.h"

namespace medisyn {

/// The result.json files that a page shows, in the order in which they were first asked for.
class ReportResults {
 public:
  /// The whole result of a folder. Error when it has none, or one that medisyn did not write.
  const Json& of(const std::filesystem::path& folder);

  /// Hands the metrics to `read`; a value that is missing or of another kind is an Error naming the file.
  template <class Read>
  void read_metrics(const std::filesystem::path& folder, Read read) {
    try {
      read(of(folder).at("metrics"));
    } catch (const Json::exception& error) {
      fail("{}: not the result that the report expects there: {}", (folder / "result.json").string(),
           error.what());
    }
  }

  const std::vector<std::filesystem::path>& folders() const { return folders_; }

 private:
  std::map<std::filesystem::path, Json> results_;
  std::vector<std::filesystem::path> folders_;
};

void add_score_cards(Page& page, const ReportConfig& config, ReportResults& results);
void add_samples(Page& page, const ReportConfig& config, ReportResults& results);
void add_alignment(Page& page, const std::filesystem::path& folder, ReportResults& results);
void add_distances(Page& page, const ReportConfig& config, ReportResults& results);
void add_training(Page& page, const std::vector<ReportEntry>& runs, ReportResults& results);
void add_sources(Page& page, const std::filesystem::path& data, ReportResults& results);
void add_commands(Page& page, ReportResults& results);

}  // namespace medisyn
