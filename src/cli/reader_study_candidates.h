// The images that a reader study may show, out of its config's manifests.
#pragma once

#include <string>
#include <vector>

#include "medisyn/eval/reader_study/design.h"
#include "medisyn/eval/reader_study/export_config.h"
#include "medisyn/io/image_source.h"

namespace medisyn {

struct StudyImages {
  StudyCandidates candidates = {};
  std::vector<ImageSource> real = {}, synthetic = {};  ///< beside the candidates
};

/// Clusters are those of curate's duplicates.csv beside a manifest, and equal hashes in it. Error for a class
/// without an image, an image of two classes, or two images of one id.
StudyImages open_study_images(const ReaderStudyConfig& config);

}  // namespace medisyn
