// A seeded draw of records.
#pragma once

#include <cstdint>

#include "medisyn/data/manifest.h"

namespace medisyn {

/// Draws `n` records without replacement and keeps the manifest's order; 0 keeps all. The draw depends on the
/// seed and the records' file names alone, not on their order. Error when n is negative or more than there
/// are.
Manifest sample(const Manifest& manifest, std::int64_t n, std::uint64_t seed);

}  // namespace medisyn
