#include "medisyn/train/picture_cache.h"

#include <utility>

#include "medisyn/io/resize.h"

namespace medisyn {

PictureCache::PictureCache(std::int64_t pixels, std::string fit, std::int64_t bytes)
    : pixels_(pixels), fit_(std::move(fit)), room_(bytes / (pixels * pixels * 3)) {}

Image PictureCache::decode(const ImageSource& source) const {
  const Image image = read_image(source);
  const auto side = static_cast<int>(pixels_);
  if (image.height == side && image.width == side) {
    return image;
  }
  return fit_ == "crop" ? resize_and_crop(image, side) : resize(image, side, side);
}

std::shared_ptr<const Image> PictureCache::get(const ImageSource& source) {
  const std::string key = source.name() + ":" + std::to_string(source.begin);
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = kept_.find(key); found != kept_.end()) {
      return found->second;
    }
  }
  auto decoded = std::make_shared<const Image>(decode(source));
  const std::scoped_lock lock(mutex_);
  ++decoded_;
  if (std::ssize(kept_) < room_) {
    kept_.try_emplace(key, decoded);
  }
  return decoded;
}

std::int64_t PictureCache::decoded() const {
  const std::scoped_lock lock(mutex_);
  return decoded_;
}

}  // namespace medisyn
