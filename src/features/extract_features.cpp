#include <ATen/Parallel.h>

#include <algorithm>
#include <optional>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/progress.h"
#include "medisyn/dist/communicator.h"
#include "medisyn/features/extractor.h"
#include "medisyn/features/feature_cache.h"

namespace medisyn {
namespace {

constexpr std::int64_t kBatch = 32;
constexpr std::int64_t kChannels = 3;

/// Some images of the list on their way to features.
class Batch {
 public:
  /// Reads, and of images whose features are not in the cache decodes and prepares: threads share the images.
  /// Features that are there go to `rows` [last - first, D].
  Batch(const Extractor& extractor, const FeatureCache* cache, const std::vector<ImageSource>& images,
        std::int64_t first, const torch::Tensor& rows)
      : extractor_(extractor), cache_(cache), images_(images), first_(first), rows_(rows) {
    const std::int64_t size = extractor.image_pixels;
    pixels_ = torch::empty({rows.size(0), size, size, kChannels});
    hashes_.resize(static_cast<std::size_t>(rows.size(0)));
    is_new_.resize(hashes_.size());
    for_each_image([&](std::int64_t i, std::size_t at) { read(i, at); });
  }

  /// Features of the others.
  void extract(torch::Device device) {
    std::vector<std::int64_t> fresh;
    for (std::int64_t i = 0; i < rows_.size(0); ++i) {
      if (is_new_[static_cast<std::size_t>(i)] != 0) {
        fresh.push_back(i);
      }
    }
    if (fresh.empty()) {
      return;
    }
    const torch::Tensor indices = torch::tensor(fresh);
    const bool are_all_new = static_cast<std::int64_t>(fresh.size()) == rows_.size(0);
    const torch::Tensor pixels = are_all_new ? pixels_ : pixels_.index_select(0, indices);
    const torch::Tensor features =
        extractor_.features(pixels.permute({0, 3, 1, 2}).to(device)).to(torch::kCPU, torch::kFloat);
    check_finite(features, fresh);
    rows_.index_copy_(0, indices, features);
    if (cache_ != nullptr) {
      for_each_image([&](std::int64_t i, std::size_t at) {
        if (is_new_[at] != 0) {
          cache_->write(hashes_[at], row(i));
        }
      });
    }
  }

 private:
  template <class Work>
  void for_each_image(const Work& work) {
    at::parallel_for(0, rows_.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        work(i, static_cast<std::size_t>(i));
      }
    });
  }

  void read(std::int64_t i, std::size_t at) {
    const ImageSource& source = images_[static_cast<std::size_t>(first_ + i)];
    const std::string bytes = read_bytes(source);
    if (cache_ != nullptr) {
      hashes_[at] = sha256_hex(bytes);
      if (cache_->read(hashes_[at], row(i))) {
        return;
      }
    }
    is_new_[at] = 1;
    const std::int64_t values = extractor_.image_pixels * extractor_.image_pixels * kChannels;
    prepare(decode_image(bytes, source.name()), extractor_.preparation,
            static_cast<int>(extractor_.image_pixels), pixels_.data_ptr<float>() + i * values);
  }

  void check_finite(const torch::Tensor& features, const std::vector<std::int64_t>& indices) const {
    const torch::Tensor broken = features.isfinite().all(1).logical_not().nonzero();
    if (broken.size(0) > 0) {
      const auto at = static_cast<std::size_t>(broken[0].item<std::int64_t>());
      fail("{}: its features are not finite: the extractor's weights are damaged",
           images_[static_cast<std::size_t>(first_ + indices[at])].name());
    }
  }

  float* row(std::int64_t i) const { return rows_.data_ptr<float>() + i * rows_.size(1); }

  const Extractor& extractor_;
  const FeatureCache* cache_;
  const std::vector<ImageSource>& images_;
  std::int64_t first_;
  torch::Tensor rows_;
  torch::Tensor pixels_;              ///< [n, S, S, 3]
  std::vector<std::string> hashes_;   ///< with a cache
  std::vector<std::uint8_t> is_new_;  ///< its features are to be made
};

/// First and last batch of this rank.
std::pair<std::int64_t, std::int64_t> own_batches(std::int64_t batches, const Communicator* ranks) {
  const std::int64_t world = ranks == nullptr ? 1 : ranks->world();
  const std::int64_t rank = ranks == nullptr ? 0 : ranks->rank().rank;
  return {batches * rank / world, batches * (rank + 1) / world};
}

}  // namespace

torch::Tensor extract_features(const Extractor& extractor, const std::vector<ImageSource>& images,
                               const std::string& label, torch::Device device,
                               const ExtractionOptions& options) {
  const torch::InferenceMode inference;
  const auto count = static_cast<std::int64_t>(images.size());
  std::optional<FeatureCache> cache;
  if (!options.cache.empty()) {
    cache.emplace(options.cache, extractor);
  }
  torch::Tensor features = torch::zeros({count, extractor.width});
  const auto [begin, end] = own_batches((count + kBatch - 1) / kBatch, options.ranks);
  const std::int64_t own = std::min(end * kBatch, count) - std::min(begin * kBatch, count);
  Progress progress(label, own, "images");
  for (std::int64_t batch = begin; batch < end; ++batch) {
    const std::int64_t first = batch * kBatch;
    const std::int64_t last = std::min(first + kBatch, count);
    Batch(extractor, cache ? &*cache : nullptr, images, first, features.narrow(0, first, last - first))
        .extract(device);
    progress.update(last - begin * kBatch);
  }
  progress.finish();
  if (options.ranks != nullptr) {
    options.ranks->sum(features);  // the others' rows are zero
  }
  return features;
}

}  // namespace medisyn
