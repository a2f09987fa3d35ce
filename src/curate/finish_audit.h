// The audit as `medisyn curate` writes it.
#pragma once

#include <filesystem>

#include "medisyn/curate/audit.h"
#include "medisyn/curate/config.h"

namespace medisyn {

/// Writes the tables, audit.html and datasheet.md into `out`.
void write_audit(const CurateConfig& config, const std::filesystem::path& out, const Manifest& manifest,
                 LeftOut left_out, std::int64_t threads);

}  // namespace medisyn
