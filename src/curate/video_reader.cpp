#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "medisyn/core/files.h"
#include "medisyn/curate/annotations.h"
#include "medisyn/io/video.h"
#include "readers.h"

namespace medisyn {

void read_video(const CurateConfig& config, const RepositoryConfig& repository, const Item& item,
                const ShotSink& sink) {
  Facts facts{.item = &item};
  if (!sink.begin(facts)) {
    return;
  }
  std::optional<Annotations> annotations;
  if (const auto file = annotations_file(config.root, repository, item)) {
    annotations.emplace(*repository.frames->annotations, *file);
  }
  const VideoConfig frames = repository.frames.value_or(VideoConfig());
  const VideoInfo info = read_video_info(item.file);
  const auto count = std::max<std::int64_t>(1, std::llround(info.seconds * frames.frames_per_second));
  std::int64_t index = 0;
  read_video_frames(item.file, frames.frames_per_second, [&](double seconds, const Image& picture) {
    const std::int64_t frame = index++;
    facts.annotation = annotations ? annotations->at(seconds) : nullptr;
    if (annotations && facts.annotation == nullptr) {
      sink.skip("a frame that no annotation names");
      return true;
    }
    cut_picture(repository, facts,
                {.picture = picture,
                 .name = fmt::format("frame {:06}", frame),
                 .extent = frame_extent(repository.split, std::min(frame, count - 1), count),
                 .seconds = seconds},
                sink);
    return true;
  });
}

}  // namespace medisyn
