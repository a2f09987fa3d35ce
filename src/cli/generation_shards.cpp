#include "generation_shards.h"

#include <optional>

#include "medisyn/io/tar.h"

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
      shard.emplace(shards / fmt::format("{:05}.tar", written / images_per_shard));
    }
    const Json& row = folder.images()[i].row;
    const std::string name = folder.image_path(i).stem().string();
    shard->add(name + ".png", read_file(folder.image_path(i)));
    shard->add(name + ".json", row.dump());
    shard->add(name + ".txt", row["text"].get<std::string>());
    ++written;
  }
  if (shard) {
    shard->commit();
  }
}

}  // namespace medisyn
