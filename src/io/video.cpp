#include "medisyn/io/video.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <optional>
#include <string>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

// Matroska rounds its time stamps to milliseconds.
constexpr double kStampRounding = 1e-3;
// A frame that claims to stand for longer is a damaged time stamp.
constexpr double kLongestStill = 600.0;
constexpr double kHighestRate = 1000.0;

/// FFmpeg as OpenCV runs it is set up by environment variables only. Set before main(), because setenv() is
/// not safe beside threads. Containers are listed: FFmpeg would take a text file for a film, too, and a
/// playlist could name other files.
const bool kIsFfmpegSetUp = [] {
  setenv("OPENCV_FFMPEG_LOGLEVEL", "-8",
         /*overwrite=*/0);  // AV_LOG_QUIET: what it has to say is in the Error
  setenv(
      "OPENCV_FFMPEG_CAPTURE_OPTIONS",
      "format_whitelist;avi,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpeg,mpegts,mpegvideo,asf,flv,ogg,mxf,dv",
      /*overwrite=*/1);
  return true;
}();

/// A video file that is decoded frame by frame.
class Film {
 public:
  explicit Film(const fs::path& path);

  const VideoInfo& info() const { return info_; }

  /// Decodes the next frame; false at the end.
  bool next();

  /// Seconds from the first frame to the one that next() decoded.
  double seconds() const { return seconds_; }

  std::int64_t frames_decoded() const { return frames_; }

  /// The decoded frame as a picture; valid until the next call.
  const cv::Mat& picture();

 private:
  double claim(int property) const { return capture_.get(property); }

  std::string name_;
  cv::VideoCapture capture_;
  VideoInfo info_;
  cv::Mat picture_;  ///< BGR
  std::int64_t frames_ = 0;
  double first_stamp_ = 0;
  double seconds_ = 0;
};

Film::Film(const fs::path& path) : name_(path.string()) {
  require_file(path, "a video file");
  static const auto before = cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  static_cast<void>(before);
  // An absolute path names no protocol.
  if (!kIsFfmpegSetUp || !capture_.open(fs::absolute(path).string(), cv::CAP_FFMPEG)) {
    fail("{}: expected a video file (AVI, MP4, MOV, MKV, MPEG, WMV, ...), found none that can be decoded",
         name_);
  }
  info_.frames_per_second = claim(cv::CAP_PROP_FPS);
  const double frames = claim(cv::CAP_PROP_FRAME_COUNT);
  constexpr double kMostFrames = 1e9;
  if (!(info_.frames_per_second > 0 && info_.frames_per_second <= kHighestRate) ||
      !(frames >= 1 && frames <= kMostFrames)) {
    fail(
        "{}: expected a video with a frame rate and a length, found {} frames at {} a second: copy it into "
        "an MP4 "
        "container first",
        name_, frames, info_.frames_per_second);
  }
  info_.frames = static_cast<std::int64_t>(frames);
  info_.seconds = frames / info_.frames_per_second;
  const double height = claim(cv::CAP_PROP_FRAME_HEIGHT);
  const double width = claim(cv::CAP_PROP_FRAME_WIDTH);
  if (!(height >= 1 && width >= 1 && height * width <= static_cast<double>(kMaxImagePixels))) {
    fail("{}: its header claims {} x {} pixels; 1 to {} are read", name_, width, height, kMaxImagePixels);
  }
  if (!next()) {
    fail("{}: no frame of the video can be decoded", name_);
  }
  const cv::Mat& first = picture();
  info_.height = first.rows;
  info_.width = first.cols;
}

bool Film::next() {
  if (!capture_.grab()) {
    return false;
  }
  const double stamp = claim(cv::CAP_PROP_POS_MSEC) / 1000;
  if (frames_ == 0) {
    first_stamp_ = std::isfinite(stamp) ? stamp : 0;
  } else {
    // Without a stamp (0 then), or with one that runs backwards, a frame follows at the video's rate.
    const double since_first = stamp - first_stamp_;
    const double even = seconds_ + 1 / info_.frames_per_second;
    if (since_first > seconds_ + kLongestStill) {
      fail("{}: damaged video: its time stamps jump from {:.3f} s to {:.3f} s", name_, seconds_, since_first);
    }
    seconds_ = since_first > seconds_ ? since_first : even;
  }
  ++frames_;
  return true;
}

const cv::Mat& Film::picture() {
  bool is_decoded = false;
  try {
    is_decoded = capture_.retrieve(picture_);
  } catch (const cv::Exception& error) {
    fail("{}: frame {}: cannot be decoded: {}", name_, frames_, error.err);
  }
  if (!is_decoded || picture_.empty() || picture_.type() != CV_8UC3) {
    fail("{}: frame {}: cannot be decoded", name_, frames_);
  }
  if (info_.height != 0 && (picture_.rows != info_.height || picture_.cols != info_.width)) {
    fail("{}: frame {}: expected {} x {} pixels as in the first frame, found {} x {}", name_, frames_,
         info_.width, info_.height, picture_.cols, picture_.rows);
  }
  return picture_;
}

Image to_rgb(const cv::Mat& bgr) {
  Image image{bgr.rows, bgr.cols, std::vector<std::uint8_t>(bgr.total() * 3)};
  cv::Mat rgb(bgr.rows, bgr.cols, CV_8UC3, image.pixels.data());
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  return image;
}

/// The even times at which frames are taken, and who takes them.
class Taker {
 public:
  Taker(double rate, const std::function<bool(double, const Image&)>& take) : rate_(rate), take_(take) {}

  double next_time() const { return static_cast<double>(taken_) / rate_; }
  bool is_stopped() const { return is_stopped_; }

  /// Hands out the picture for every time before `end`.
  void take_until(double end, const cv::Mat& picture) {
    std::optional<Image> image;
    while (!is_stopped_ && next_time() + kStampRounding < end) {
      if (!image) {
        image = to_rgb(picture);
      }
      is_stopped_ = !take_(next_time(), *image);
      ++taken_;
    }
  }

 private:
  double rate_;
  const std::function<bool(double, const Image&)>& take_;
  std::int64_t taken_ = 0;
  bool is_stopped_ = false;
};

/// How long the last frame stands: as long as the container says the video is, but no longer than another
/// frame did and no longer than a second; one even period at least.
double last_stays(const VideoInfo& claim, double begin, double longest) {
  const double period = 1 / claim.frames_per_second;
  return std::clamp(claim.seconds - begin, period, std::max(period, std::min(longest, 1.0)));
}

/// Decodes from the start and hands out from taker.next_time() on. A frame must be turned into a picture
/// before it is known how long it stands: `keep_all` does so with each; otherwise with those alone that are
/// asked for if frames come evenly. False when they do not and one was missed.
bool decode(Film& film, Taker& taker, bool keep_all) {
  double longest = 1 / film.info().frames_per_second;
  bool is_kept = true;  // the first frame, which Film decodes
  cv::Mat kept = film.picture();
  while (!taker.is_stopped()) {
    const double begin = film.seconds();
    const bool goes_on = film.next();
    const double end = goes_on ? film.seconds() : begin + last_stays(film.info(), begin, longest);
    const bool is_wanted = taker.next_time() + kStampRounding < end;
    if (is_wanted && !is_kept) {
      return false;
    }
    if (is_wanted) {
      taker.take_until(end, kept);
    }
    if (!goes_on) {
      return true;
    }
    longest = std::max(longest, end - begin);
    is_kept = keep_all || taker.next_time() < end + longest + kStampRounding;
    if (is_kept) {
      kept = film.picture();
    }
  }
  return true;
}

void check_end(const Film& film, const std::string& name) {
  const VideoInfo& claim = film.info();
  const double allowed = std::max(1.0, 0.02 * claim.seconds);
  const double seconds = film.seconds() + 1 / claim.frames_per_second;
  const double missing = static_cast<double>(claim.frames - film.frames_decoded()) / claim.frames_per_second;
  // Either count may be wrong for a video of uneven frame times.
  if (missing > allowed && claim.seconds - seconds > allowed) {
    fail("{}: damaged video: decoding ends at {:.1f} s (frame {}) of {:.1f} s (frame {})", name, seconds,
         film.frames_decoded(), claim.seconds, claim.frames);
  }
}

}  // namespace

VideoInfo read_video_info(const fs::path& path) { return Film(path).info(); }

void read_video_frames(const fs::path& path, double frames_per_second,
                       const std::function<bool(double seconds, const Image&)>& take) {
  if (!(frames_per_second > 0 && frames_per_second <= kHighestRate)) {
    fail("{}: expected a frame rate above 0 and at most {} a second, found {}", path.string(), kHighestRate,
         frames_per_second);
  }
  Taker taker(frames_per_second, take);
  Film film(path);
  std::optional<Film> again;
  const bool is_even = decode(film, taker, /*keep_all=*/false);
  if (!is_even) {
    decode(again.emplace(path), taker, /*keep_all=*/true);
  }
  if (!taker.is_stopped()) {
    check_end(again ? *again : film, path.string());
  }
}

}  // namespace medisyn
