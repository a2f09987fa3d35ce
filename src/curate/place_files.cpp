#include <string>
#include <unordered_set>
#include <vector>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/curate/image_store.h"
#include "place_images.h"

namespace medisyn {

bool place_as_files(const Placement& placement) {
  const auto& [out, images, is_kept] = placement;
  bool is_changed = false;
  std::unordered_set<std::string> known;
  for (std::size_t i = 0; i < images.size(); ++i) {
    Record& record = images[i].record;
    const fs::path target = is_kept[i] != 0 ? out / record.file_name : set_aside(out, record);
    known.insert(target.string());
    const auto source = find_image(out, images[i]);
    if (!source) {
      fail("{}: the image is gone: run the command again", target.string());
    }
    if (source->is_part() || source->file != target) {
      fs::create_directories(target.parent_path());
      source->is_part() ? write_file(target, read_bytes(*source), Sync::kNone)
                        : fs::rename(source->file, target);
    }
    is_changed = is_changed || !record.shard.file.empty();
    record.shard = {};
  }
  remove_others(out / "images", known);
  remove_others(out / kAsideFolder, known);
  fs::remove_all(out / kShardFolder);
  fs::remove_all(out / kSpoolFolder);
  fs::remove(out / kShardDigests);
  return is_changed;
}

}  // namespace medisyn
