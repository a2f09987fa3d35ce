// The sections of audit.html.
#pragma once

#include <string>
#include <vector>

#include "audit_parts.h"
#include "medisyn/curate/audit_page.h"
#include "medisyn/report/page.h"

namespace medisyn {

using TableRows = std::vector<std::vector<std::string>>;

/// All pictures of the page as rows of HTML.
struct PagePictures {
  std::vector<std::string> repositories;  ///< by place in audit.repositories
  std::vector<const DuplicateCluster*> clusters;
  std::vector<std::string> cluster_rows;  ///< of `clusters`
  std::int64_t unreadable = 0;            ///< files
};
PagePictures make_pictures(const Manifest& manifest, const Audit& audit, const AuditPageOptions& options);

/// What is in the set.
void add_image_types(Page& page, const Audit& audit);
void add_specialties(Page& page, const Audit& audit);
void add_repositories(Page& page, const Audit& audit);
void add_classes(Page& page, const Audit& audit);
void add_licences(Page& page, const Audit& audit);
void add_pictures(Page& page, const Audit& audit, const PagePictures& pictures);

/// What is not, or not whole.
void add_duplicates(Page& page, const Audit& audit, const PagePictures& pictures);
void add_captions(Page& page, const Audit& audit);
void add_left_out(Page& page, const Audit& audit);

}  // namespace medisyn
