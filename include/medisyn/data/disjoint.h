// Whether two splits really have nothing in common.
#pragma once

#include <string>

#include "medisyn/data/manifest.h"

namespace medisyn {

/// Whether a record is a part of a subject that a curate config divides between two sides on purpose (by
/// frames or region): its group_id then ends in its split, "skimage-retina/train".
bool is_part_of_subject(const Record& record);

/// Error naming how many images stand on both sides, and the first two, when the records of `a` and `b` have
/// in common: an image (the same file, or one with the same sha256), a patient, a study, a video, or a group.
/// Ids that are "" are no ids. `a_name` and `b_name` say in the message what the sides are: "training data",
/// "validation data".
///
/// Two parts of divided subjects may have the same patient, study and video, but not the same group.
void check_disjoint(const Manifest& a, const std::string& a_name, const Manifest& b,
                    const std::string& b_name);

}  // namespace medisyn
