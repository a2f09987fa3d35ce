// The page on which readers answer: one self-contained HTML file.
#pragma once

#include <string>
#include <string_view>

#include "medisyn/eval/reader_study/study.h"

namespace medisyn {

/// The page with style, script and study inside; images lie beside it under the study's own names. Offline
/// (`served` false) it opens from disk, keeps answers in the browser and may connect to nothing; served, it
/// reads and writes `answers` beside it and may connect to its own server alone. Nothing else differs.
std::string reader_study_page(const Study& study, bool served);

/// Content-Security-Policy of a page whose style and script stand in it ("" for none): only these, by hash,
/// and images of its own folder.
std::string content_security_policy(std::string_view style, std::string_view script, bool served);

/// The policy of the served page, for the header; it also forbids frames, which a <meta> cannot.
std::string reader_study_policy();

}  // namespace medisyn
