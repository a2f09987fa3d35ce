#include "generation_shards.h"

#include <optional>

#include "medisyn/core/files.h"
#include "medisyn/data/shards.h"

namespace medisyn {

void write_shards(const GenerationFolder& folder, std::int64_t images_per_shard) {
  const fs::path shards = folder.path() / "shards";
  fs::create_directories(shards);
  std::optional<TarWriter> shard;
  std::int64_t written = 0;
  for (std::size_t i = 0; i < folder.images().size(); ++i) {
    if (!folder.has_image(i)) {
      continue;
    }
    if (written % images_per_shard == 0) {
      if (shard) {
        shard->commit();
      }
      shard.emplace(shards / shard_name("", written / images_per_shard));
    }
    const Json& row = folder.images()[i].row;
    const fs::path image = folder.image_path(i);
    add_sample(*shard, image.filename().string(), read_file(image), row.dump(),
               row["text"].get<std::string>());
    ++written;
  }
  if (shard) {
    shard->commit();
  }
}

}  // namespace medisyn
