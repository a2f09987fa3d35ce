// A run of `medisyn generate` as WebDataset shards.
#pragma once

#include <cstdint>

#include "generation_folder.h"

namespace medisyn {

/// Writes shards/00000.tar, ... of `images_per_shard` images: of each NAME.png, its row of metadata.jsonl as
/// NAME.json and its text as NAME.txt. The PNGs stay where they are.
void write_shards(const GenerationFolder& folder, std::int64_t images_per_shard);

}  // namespace medisyn
