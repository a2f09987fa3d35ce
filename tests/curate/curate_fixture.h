// Runs of curate() on the miniature tree.
#pragma once

#include <string>
#include <vector>

#include "../fresh_folder.h"
#include "medisyn/core/log.h"
#include "medisyn/curate/curate.h"
#include "miniature.h"

namespace medisyn {

class Curate : public testing::Test {
 protected:
  void SetUp() override {
    set_quiet(true);
    folder_ = fresh_folder();
    write_miniature(folder_ / "data");
    config_file_ = folder_ / "curate.yaml";
    write_file(config_file_, miniature_yaml(folder_ / "data"));
  }

  Json run(const std::string& out, const std::vector<std::string>& overrides = {}) {
    RunRecord record("medisyn curate");
    Communicator alone;
    curate(read_config<CurateConfig>(config_file_, overrides), folder_ / out, alone, 2, record);
    return record.metrics;
  }

  fs::path folder_;
  fs::path config_file_;
};

}  // namespace medisyn
