// What `medisyn eval memorization` writes and prints.
#pragma once

#include <string>
#include <vector>

#include "medisyn/cli/eval_commands.h"
#include "medisyn/eval/memorization.h"
#include "medisyn/eval/memorization_tables.h"
#include "memorization_sides.h"

namespace medisyn {

struct MeasuredPairs {
  std::vector<NearestPair> generated;
  std::vector<NearestPair> held_out;  ///< empty where there are no held-out images
};

/// pairs.csv (generated, real, cosine, distance and more) and table.csv in the paper's layout;
/// table_extended.csv of the extended search; held_out_*.csv, the same of held-out images.
void write_memorization(const EvalOutput& output, const MemorizationSides& sides,
                        const MeasuredPairs& measured, const std::vector<MemorizationTable>& tables);

std::string memorization_summary(const std::string& method, const std::vector<MemorizationTable>& tables);

}  // namespace medisyn
