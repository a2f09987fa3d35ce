// A design -> what readers see and what the key hides: names of images, ids of trials, feedback.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "medisyn/eval/reader_study/design.h"
#include "medisyn/eval/reader_study/export_config.h"
#include "medisyn/eval/reader_study/key.h"
#include "medisyn/eval/reader_study/study.h"

namespace medisyn {

struct AssembledStudy {
  Study study = {};
  StudyKey key = {};
  std::map<std::string, DesignImage> images = {};  ///< by the name that readers see
};

/// Names are drawn, 64 bits each. `sources`: where the images of each list stand, for the key.
AssembledStudy assemble_study(const Design& design, const StudyCandidates& candidates,
                              const std::vector<std::string>& real_sources,
                              const std::vector<std::string>& synthetic_sources,
                              const ReaderStudyConfig& config);

}  // namespace medisyn
