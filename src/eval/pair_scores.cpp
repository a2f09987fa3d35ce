#include "medisyn/eval/pair_scores.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "medisyn/core/error.h"
#include "medisyn/eval/ms_ssim.h"
#include "medisyn/io/resize.h"

namespace medisyn {
namespace {

/// The partners of a block whose pairs are scored between two reports.
constexpr std::int64_t kPartnersBetweenReports = 64;

/// Calls work(i) for 0 .. count - 1 on all threads.
template <class Work>
void for_each_in_parallel(std::int64_t count, const Work& work) {
  at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      work(i);
    }
  });
}

/// A set of images, each read once where `memory_bytes` holds them, and again each time where it does not.
class Images {
 public:
  Images(const std::vector<ImageSource>& sources, const PairScoreOptions& options)
      : sources_(sources), options_(options), held_(sources.size()), first_(decode(0)) {}

  const Image& first() const { return first_; }
  void set_memory(std::int64_t memory_bytes) { memory_bytes_ = memory_bytes; }

  /// No two threads ask for the same one at a time.
  MsSsimImage prepared(std::int64_t index) {
    Image& held = held_[static_cast<std::size_t>(index)];
    if (!held.pixels.empty()) {
      return prepare_ms_ssim(held, options_.scales);
    }
    Image image = decode(index);
    MsSsimImage prepared = prepare_ms_ssim(image, options_.scales);
    const auto size = static_cast<std::int64_t>(image.pixels.size());
    if (held_bytes_.fetch_add(size) + size <= memory_bytes_) {
      held = std::move(image);
    } else {
      held_bytes_ -= size;
    }
    return prepared;
  }

  /// The same, of one that is not asked for again.
  MsSsimImage prepared_last(std::int64_t index) {
    MsSsimImage prepared = this->prepared(index);
    Image& held = held_[static_cast<std::size_t>(index)];
    held_bytes_ -= static_cast<std::int64_t>(held.pixels.size());
    held = {};
    return prepared;
  }

 private:
  Image decode(std::int64_t index) const {
    const ImageSource& source = sources_[static_cast<std::size_t>(index)];
    Image image = read_image(source);
    if (options_.square_pixels > 0) {
      image = resize_and_crop(image, options_.square_pixels);
    }
    if (index > 0 && (image.height != first_.height || image.width != first_.width)) {
      fail(
          "{}: expected {} x {} pixels as {} has, found {} x {}: MS-SSIM compares images of one size; --size "
          "N resizes and crops them to squares",
          source.name(), first_.width, first_.height, sources_.front().name(), image.width, image.height);
    }
    const std::int64_t least = least_pixels(options_.scales);
    if (std::min(image.height, image.width) < least) {
      fail("{}: {} x {} pixels are too few for {} scales, which need {}: give a smaller --scales",
           source.name(), image.width, image.height, options_.scales, least);
    }
    return image;
  }

  const std::vector<ImageSource>& sources_;
  const PairScoreOptions& options_;
  std::int64_t memory_bytes_ = 0;
  std::atomic<std::int64_t> held_bytes_ = 0;
  std::vector<Image> held_;
  Image first_;
};

/// The pairs of one block of images, by the partner that has the higher number: score numbers and the other
/// image.
struct Partner {
  std::int64_t index = 0;
  std::vector<std::pair<std::size_t, std::int64_t>> pairs = {};  ///< (number of the pair, lower index)
};

/// Block b holds the images b * size .. (b + 1) * size - 1, and each pair belongs to the block of its lower
/// index.
std::vector<std::vector<Partner>> by_block(const std::vector<IndexPair>& pairs, std::int64_t images,
                                           std::int64_t size) {
  std::vector<std::map<std::int64_t, Partner>> blocks(static_cast<std::size_t>((images + size - 1) / size));
  for (std::size_t number = 0; number < pairs.size(); ++number) {
    const auto [low, high] = std::minmax(pairs[number].first, pairs[number].second);
    Partner& partner = blocks[static_cast<std::size_t>(low / size)][high];
    partner.index = high;
    partner.pairs.emplace_back(number, low);
  }
  std::vector<std::vector<Partner>> ordered;
  for (auto& block : blocks) {
    std::vector<Partner>& partners = ordered.emplace_back();
    for (auto& [index, partner] : block) {
      partners.push_back(std::move(partner));
    }
  }
  return ordered;
}

/// The images of a block that its pairs need, prepared; [size], the others empty.
std::vector<MsSsimImage> prepare_block(Images& images, const std::vector<Partner>& partners,
                                       std::int64_t first, std::int64_t size) {
  std::vector<bool> is_needed(static_cast<std::size_t>(size));
  for (const Partner& partner : partners) {
    if (partner.index < first + size) {
      is_needed[static_cast<std::size_t>(partner.index - first)] = true;
    }
    for (const auto& [number, low] : partner.pairs) {
      is_needed[static_cast<std::size_t>(low - first)] = true;
    }
  }
  std::vector<MsSsimImage> prepared(is_needed.size());
  for_each_in_parallel(size, [&](std::int64_t i) {
    if (is_needed[static_cast<std::size_t>(i)]) {
      prepared[static_cast<std::size_t>(i)] = images.prepared_last(first + i);
    }
  });
  return prepared;
}

/// As many images as the memory holds prepared; where those are not all, a quarter of it, so that the rest
/// holds decoded ones.
std::int64_t block_size(std::int64_t images, std::int64_t prepared_bytes, std::int64_t memory_bytes) {
  if (images * prepared_bytes <= memory_bytes) {
    return images;
  }
  return std::clamp<std::int64_t>(memory_bytes / 4 / prepared_bytes, 1, images);
}

}  // namespace

std::vector<double> score_pairs(const std::vector<ImageSource>& sources, const std::vector<IndexPair>& pairs,
                                const PairScoreOptions& options,
                                const std::function<void(std::int64_t)>& progress) {
  Images images(sources, options);
  const auto count = static_cast<std::int64_t>(sources.size());
  const std::int64_t each = prepared_bytes(images.first());
  const std::int64_t size = block_size(count, each, options.memory_bytes);
  images.set_memory(options.memory_bytes - size * each);
  std::vector<double> scores(pairs.size());
  std::int64_t done = 0;
  std::int64_t first = 0;
  for (const std::vector<Partner>& partners : by_block(pairs, count, size)) {
    const std::vector<MsSsimImage> block =
        prepare_block(images, partners, first, std::min(size, count - first));
    const auto in_block = [&](std::int64_t index) -> const MsSsimImage& {
      return block[static_cast<std::size_t>(index - first)];
    };
    for (auto begin = partners.begin(); begin != partners.end();) {
      const auto end = begin + std::min(kPartnersBetweenReports, partners.end() - begin);
      for_each_in_parallel(end - begin, [&](std::int64_t i) {
        const Partner& partner = begin[i];
        const bool is_held = partner.index < first + size;
        const MsSsimImage own = is_held ? MsSsimImage{} : images.prepared(partner.index);
        const MsSsimImage& high = is_held ? in_block(partner.index) : own;
        for (const auto& [number, low] : partner.pairs) {
          scores[number] = ms_ssim(in_block(low), high);
        }
      });
      for (; begin != end; ++begin) {
        done += static_cast<std::int64_t>(begin->pairs.size());
      }
      if (progress) {
        progress(done);
      }
    }
    first += size;
  }
  return scores;
}

}  // namespace medisyn
