// A run of `medisyn generate` as WebDataset shards.
#pragma once

#include <cstdint>

#include "generation_folder.h"

namespace medisyn {

/// Writes shards/00000.tar, ... of `images_per_shard` samples (data/shards.h), whose rows are those of
/// metadata.jsonl. The PNGs stay where they are.
void write_shards(const GenerationFolder& folder, std::int64_t images_per_shard);

}  // namespace medisyn
