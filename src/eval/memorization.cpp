#include "medisyn/eval/memorization.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <map>

#include "medisyn/core/error.h"
#include "medisyn/features/neighbours.h"
#include "medisyn/io/resize.h"

namespace medisyn {
namespace {

constexpr std::int64_t kPairsBetweenReports = 64;

using Numbers = std::vector<std::int64_t>;

std::map<ImageKind, Numbers> numbers_by_kind(const std::vector<ImageKind>& kinds) {
  std::map<ImageKind, Numbers> numbers;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    numbers[kinds[i]].push_back(static_cast<std::int64_t>(i));
  }
  return numbers;
}

torch::Tensor rows_of(const torch::Tensor& rows, const Numbers& numbers) {
  return std::ssize(numbers) == rows.size(0) ? rows : rows.index_select(0, torch::tensor(numbers));
}

Image read_square(const ImageSource& source, std::int64_t image_pixels) {
  const Image image = read_image(source);
  const int side = image_pixels > 0 ? static_cast<int>(image_pixels) : std::min(image.height, image.width);
  if (side < kLeastImagePixels) {
    fail("{}: expected at least {} x {} pixels to compare, found {} x {}: see --image-pixels", source.name(),
         kLeastImagePixels, kLeastImagePixels, image.width, image.height);
  }
  return image.height == side && image.width == side ? image : resize_and_crop(image, side);
}

void measure(NearestPair& pair, const std::vector<ImageSource>& images,
             const std::vector<ImageSource>& training, const DistanceOptions& options) {
  const ComparedPair both = read_pair(training[static_cast<std::size_t>(pair.training)],
                                      images[static_cast<std::size_t>(pair.image)], options.image_pixels);
  pair.distance = patch_distance(both.training, both.image);
  if (options.extended) {
    pair.least = least_patch_distance(both.training, both.image, kMostShift);
  }
}

}  // namespace

std::vector<NearestPair> find_nearest(const KindFeatures& images, const KindFeatures& training,
                                      std::int64_t k) {
  const std::map<ImageKind, Numbers> references = numbers_by_kind(training.kinds);
  std::vector<NearestPair> pairs;
  for (const auto& [kind, asked] : numbers_by_kind(images.kinds)) {
    const auto found = references.find(kind);
    if (found == references.end()) {
      fail("{}: expected training images of this specialty and image type, found none", to_string(kind));
    }
    const Numbers& among = found->second;
    const std::int64_t width = std::min(k, static_cast<std::int64_t>(among.size()));
    const Neighbours nearest =
        nearest_by_cosine(rows_of(images.rows, asked), rows_of(training.rows, among), width);
    const auto indices = nearest.indices.accessor<std::int64_t, 2>();
    const auto cosines = nearest.similarity.accessor<float, 2>();
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      for (std::int64_t j = 0; j < width; ++j) {
        pairs.push_back({.image = asked[i],
                         .training = among[static_cast<std::size_t>(indices[row][j])],
                         .rank = j + 1,
                         .cosine = cosines[row][j]});
      }
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const NearestPair& a, const NearestPair& b) {
    return a.image != b.image ? a.image < b.image : a.rank < b.rank;
  });
  return pairs;
}

ComparedPair read_pair(const ImageSource& training, const ImageSource& image, std::int64_t image_pixels) {
  ComparedPair both;
  both.image = read_square(image, image_pixels);
  both.training = read_square(training, both.image.height);
  return both;
}

void measure_distances(std::vector<NearestPair>& pairs, const std::vector<ImageSource>& images,
                       const std::vector<ImageSource>& training, const DistanceOptions& options,
                       const std::function<void(std::int64_t)>& progress) {
  const auto count = static_cast<std::int64_t>(pairs.size());
  for (std::int64_t first = 0; first < count; first += kPairsBetweenReports) {
    const std::int64_t last = std::min(first + kPairsBetweenReports, count);
    at::parallel_for(first, last, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        measure(pairs[static_cast<std::size_t>(i)], images, training, options);
      }
    });
    if (progress) {
      progress(last);
    }
  }
}

}  // namespace medisyn
