#include "medisyn/eval/pair_scores.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <map>
#include <set>

#include "medisyn/core/error.h"
#include "medisyn/eval/ms_ssim.h"

namespace medisyn {
namespace {

constexpr std::int64_t kPairsBetweenReports = 512;

/// The bytes of a prepared image: three floats a pixel and channel, over all scales less than 4/3 of the
/// first.
std::int64_t prepared_bytes(const Image& image) {
  return static_cast<std::int64_t>(image.pixels.size()) * 3 * static_cast<std::int64_t>(sizeof(float)) * 4 /
         3;
}

/// Prepared images by their number, made when they are first asked for.
class PreparedImages {
 public:
  PreparedImages(const std::vector<ImageSource>& files, std::int64_t scales)
      : files_(files), scales_(scales), first_(read_image(files.at(0))) {
    check(first_, files.front());
  }

  const Image& first() const { return first_; }
  const MsSsimImage& operator[](std::int64_t index) const { return held_.at(index); }

  /// Holds the wanted ones, and of the others none.
  void hold(const std::set<std::int64_t>& wanted) {
    std::erase_if(held_, [&](const auto& entry) { return !wanted.contains(entry.first); });
    std::vector<std::pair<std::int64_t, MsSsimImage*>> missing;
    for (const std::int64_t index : wanted) {
      if (const auto [entry, is_new] = held_.try_emplace(index); is_new) {
        missing.emplace_back(index, &entry->second);
      }
    }
    at::parallel_for(0, static_cast<std::int64_t>(missing.size()), 1,
                     [&](std::int64_t begin, std::int64_t end) {
                       for (std::int64_t i = begin; i < end; ++i) {
                         const auto& [index, place] = missing[static_cast<std::size_t>(i)];
                         const ImageSource& file = files_[static_cast<std::size_t>(index)];
                         const Image image = read_image(file);
                         check(image, file);
                         *place = prepare_ms_ssim(image, scales_);
                       }
                     });
  }

 private:
  void check(const Image& image, const ImageSource& file) const {
    if (image.height != first_.height || image.width != first_.width) {
      fail("{}: expected {} x {} pixels as {} has, found {} x {}: MS-SSIM compares images of one size",
           file.name(), first_.width, first_.height, files_.front().name(), image.width, image.height);
    }
    const std::int64_t least = least_pixels(scales_);
    if (std::min(image.height, image.width) < least) {
      fail("{}: {} x {} pixels are too few for {} scales, which need {}: give a smaller --scales",
           file.name(), image.width, image.height, scales_, least);
    }
  }

  const std::vector<ImageSource>& files_;
  std::int64_t scales_;
  Image first_;
  std::map<std::int64_t, MsSsimImage> held_;
};

/// Pairs by tile: their numbers under (block of a, block of b), so that two blocks of images are held at a
/// time.
std::map<IndexPair, std::vector<std::size_t>> tiles_of(const std::vector<IndexPair>& pairs,
                                                       std::int64_t block) {
  std::map<IndexPair, std::vector<std::size_t>> tiles;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    tiles[{pairs[i].first / block, pairs[i].second / block}].push_back(i);
  }
  return tiles;
}

}  // namespace

std::vector<double> score_pairs(const std::vector<ImageSource>& images, const std::vector<IndexPair>& pairs,
                                std::int64_t scales, std::int64_t memory_bytes,
                                const std::function<void(std::int64_t)>& progress) {
  PreparedImages prepared(images, scales);
  const std::int64_t capacity = std::max<std::int64_t>(memory_bytes / prepared_bytes(prepared.first()), 2);
  const auto count = static_cast<std::int64_t>(images.size());
  std::vector<double> scores(pairs.size());
  std::int64_t done = 0;
  for (const auto& [tile, numbers] : tiles_of(pairs, count <= capacity ? count : capacity / 2)) {
    std::set<std::int64_t> wanted;
    for (const std::size_t number : numbers) {
      wanted.insert({pairs[number].first, pairs[number].second});
    }
    prepared.hold(wanted);
    const auto in_tile = static_cast<std::int64_t>(numbers.size());
    for (std::int64_t first = 0; first < in_tile; first += kPairsBetweenReports) {
      const std::int64_t last = std::min(first + kPairsBetweenReports, in_tile);
      at::parallel_for(first, last, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          const std::size_t number = numbers[static_cast<std::size_t>(i)];
          scores[number] = ms_ssim(prepared[pairs[number].first], prepared[pairs[number].second]);
        }
      });
      done += last - first;
      if (progress) {
        progress(done);
      }
    }
  }
  return scores;
}

}  // namespace medisyn
