// Video files (whatever OpenCV's FFmpeg decodes): a few facts, and frames at an even rate.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "medisyn/io/image.h"

namespace medisyn {

/// What the container claims, and the size of the first frame that was decoded.
struct VideoInfo {
  int height = 0;  ///< as shown: after the rotation that a phone writes into the file
  int width = 0;
  double frames_per_second = 0;
  double seconds = 0;  ///< frames / frames_per_second
  std::int64_t frames = 0;
};

/// Error naming the file: missing, no video, no decodable frame, no frame rate or length, a picture above
/// kMaxImagePixels.
VideoInfo read_video_info(const std::filesystem::path& path);

/// Calls `take` with the RGB frame that is shown at each time k / frames_per_second, k = 0, 1, ..., counted
/// from the first frame; `seconds` is that time. A rate above the video's own gives a frame several times.
/// The file is decoded once from its start, one frame is held in memory, and frames that nobody asked for are
/// not turned into pictures. Stops when `take` returns false.
///
/// Containers often claim a little more than they hold: a video that ends early by at most a second or 2 % of
/// its claimed length, whichever is more, is complete; its last frame stands until the claimed end, but for
/// no longer than any frame before it and one second. Error naming the file, beside those of
/// read_video_info(): a video that cannot be decoded further before that (after `take` saw the frames up to
/// there), a frame whose size differs from the first one's.
void read_video_frames(const std::filesystem::path& path, double frames_per_second,
                       const std::function<bool(double seconds, const Image&)>& take);

}  // namespace medisyn
