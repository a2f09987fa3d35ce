// audit.html: what a curated data set holds, to be looked at and passed on.
#pragma once

#include <cstdint>
#include <string>

#include "medisyn/curate/audit.h"

namespace medisyn {

struct AuditPageOptions {
  std::string title = "Audit of the data set";
  std::uint64_t seed = 0;                    ///< of the pictures drawn
  std::int64_t threads = 1;                  ///< that read pictures
  std::size_t pictures_of_a_repository = 8;  ///< fewer where that would be more than 320 in all
  std::size_t clusters = 14;                 ///< of duplicates shown with pictures
};

/// One self-contained page. Pictures are read from the manifest's folder and from the duplicates' files, the
/// rest comes from `audit`; a picture that cannot be read is counted on the page. It names no patient, study,
/// video or group and no image; of rejected files the names without their folders.
std::string audit_page(const Manifest& manifest, const Audit& audit, const AuditPageOptions& options);

}  // namespace medisyn
