#include "medisyn/curate/duplicates.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <deque>
#include <limits>
#include <random>
#include <set>
#include <string>

#include "../../src/curate/hash_pairs.h"
#include "planted_pictures.h"

namespace medisyn {
namespace {

/// Images whose facts live as long as this.
class Study {
 public:
  DuplicateFacts& add(const std::string& pixels, const PerceptualHash& hash) {
    pixels_.push_back(pixels);
    hashes_.push_back(hash);
    facts_.push_back({.pixels = pixels_.back(), .hash = &hashes_.back()});
    return facts_.back();
  }
  /// A picture that equals no other.
  DuplicateFacts& add(const PerceptualHash& hash) {
    return add("pixels " + std::to_string(facts_.size()), hash);
  }

  DuplicateSearch search(const DuplicatesConfig& config = {}, const torch::Tensor& embeddings = {}) const {
    return find_duplicates(facts_, config, embeddings);
  }
  std::size_t size() const { return facts_.size(); }

 private:
  std::deque<std::string> pixels_;
  std::deque<PerceptualHash> hashes_;
  std::vector<DuplicateFacts> facts_;
};

/// A hash with a thumbnail of its own.
PerceptualHash some_hash(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  PerceptualHash hash{.bits = random()};
  for (std::uint8_t& value : hash.thumbnail) {
    value = static_cast<std::uint8_t>(random() & 0xFF);
  }
  return hash;
}

PerceptualHash with_flipped(PerceptualHash hash, std::uint64_t bits) {
  hash.bits ^= bits;
  return hash;
}

std::vector<int> kept(const DuplicateSearch& found) { return {found.is_kept.begin(), found.is_kept.end()}; }

TEST(HashPairs, EqualAllPairs) {
  std::mt19937_64 random(1);
  for (const int distance : {0, 1, 2, 3, 4, 7, 8, 11, 14, 15}) {
    std::set<std::uint64_t> different;
    while (different.size() < 600) {
      std::uint64_t hash = random();
      different.insert(hash);
      for (int flips = 0; flips < 18; ++flips) {
        hash ^= std::uint64_t{1} << (random() % 64);
        different.insert(hash);
      }
    }
    const std::vector<std::uint64_t> hashes(different.begin(), different.end());
    std::set<std::pair<std::uint32_t, std::uint32_t>> expected;
    for (std::uint32_t a = 0; a < hashes.size(); ++a) {
      for (std::uint32_t b = a + 1; b < hashes.size(); ++b) {
        if (std::popcount(hashes[a] ^ hashes[b]) <= distance) {
          expected.emplace(a, b);
        }
      }
    }
    std::set<std::pair<std::uint32_t, std::uint32_t>> found;
    const std::int64_t given_up =
        find_close_hashes(hashes, distance, [&](const std::vector<HashPair>& pairs) {
          for (const HashPair& pair : pairs) {
            EXPECT_TRUE(found.emplace(pair.a, pair.b).second) << "twice";
          }
        });
    EXPECT_EQ(given_up, 0);
    EXPECT_EQ(found, expected) << distance;
  }
}

TEST(HashPairs, CrowdsAreBounded) {
  // All in one bucket of three bands: the low 16 bits alone differ.
  std::vector<std::uint64_t> hashes(20'000);
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    hashes[i] = 0xABCDEF0123450000 + 3 * i;
  }
  std::size_t pairs = 0;
  const std::int64_t given_up =
      find_close_hashes(hashes, 14, [&](const std::vector<HashPair>& found) { pairs += found.size(); });
  EXPECT_GT(given_up, 0);
  EXPECT_GE(pairs, hashes.size() - 1);
  EXPECT_LE(pairs, hashes.size() * 4 * 256);
}

TEST(Duplicates, TheFirstOfEqualPicturesStays) {
  Study study;
  study.add("a", some_hash(1));
  study.add("b", some_hash(2));
  study.add("a", some_hash(1));
  study.add("a", some_hash(1));
  const DuplicateSearch found = study.search();
  EXPECT_EQ(found.cluster, (std::vector<std::int64_t>{0, -1, 0, 0}));
  EXPECT_EQ(kept(found), (std::vector<int>{1, 1, 0, 0}));
  EXPECT_EQ(found.exact_copies, 2);
  EXPECT_EQ(found.clusters, 1);
  EXPECT_EQ(found.near_duplicates, 0);
  EXPECT_EQ(found.left_out, 0);
}

TEST(Duplicates, NeedLikeHashesAndLikeThumbnails) {
  const PerceptualHash hash = some_hash(1);
  PerceptualHash other = some_hash(2);
  other.bits = hash.bits;
  Study study;
  study.add(hash);
  study.add(with_flipped(hash, 0x3FFF));       // 14 bits
  study.add(with_flipped(hash, 0x1FFFF0000));  // 17 bits
  study.add(other);                            // another thumbnail
  const DuplicateSearch found = study.search();
  EXPECT_EQ(found.cluster, (std::vector<std::int64_t>{0, 0, -1, -1}));
  EXPECT_EQ(kept(found), (std::vector<int>{1, 1, 1, 1}));
  EXPECT_EQ(found.near_duplicates, 1);
}

TEST(Duplicates, NearIsPassedOn) {
  const PerceptualHash hash = some_hash(1);
  Study study;
  study.add(some_hash(9));
  study.add(hash);
  study.add(with_flipped(hash, 0xFFFFFF));  // 24 bits from the first, 12 from the next
  study.add(with_flipped(hash, 0xFFF));
  EXPECT_EQ(study.search().cluster, (std::vector<std::int64_t>{-1, 0, 0, 0}));
  EXPECT_EQ(study.search({.find_near = false}).clusters, 0);
}

TEST(Duplicates, BlankPicturesAreLikeNoOther) {
  PerceptualHash blank;
  blank.thumbnail.fill(7);
  Study study;
  for (int i = 0; i < 5; ++i) {
    blank.thumbnail[static_cast<std::size_t>(i)] ^= 1;
    study.add(blank);
  }
  study.add("pixels 0", blank);
  const DuplicateSearch found = study.search();
  EXPECT_EQ(found.blank, 5);
  EXPECT_EQ(found.cluster, (std::vector<std::int64_t>{0, -1, -1, -1, -1, 0}));
}

TEST(Duplicates, EachImageHasItsOwnPolicy) {
  const NearDuplicatesConfig one{.keep = "one"};
  const NearDuplicatesConfig all{.keep = "all"};
  Study study;
  for (const NearDuplicatesConfig* policy : {&one, &one, &all, &one}) {
    study.add(some_hash(1)).policy = policy;
  }
  study.add(some_hash(2)).policy = &one;
  const DuplicateSearch found = study.search();
  EXPECT_EQ(kept(found), (std::vector<int>{1, 0, 1, 0, 1}));
  EXPECT_EQ(found.left_out, 2);
}

TEST(Duplicates, SomeFramesASecondStay) {
  const NearDuplicatesConfig two{.keep = "one", .per_second = 2};
  Study study;
  for (const double seconds : {0.0, 0.3, 0.6, 0.9, 1.0, 1.5, 1.9}) {
    DuplicateFacts& frame = study.add(some_hash(1));
    frame.video_id = "film";
    frame.seconds = seconds;
    frame.policy = &two;
  }
  DuplicateFacts& other = study.add(some_hash(1));  // the same view in another film
  other.video_id = "film 2";
  other.seconds = 0;
  other.policy = &two;
  DuplicateFacts& picture = study.add(some_hash(1));  // no frame: keep one
  picture.seconds = std::numeric_limits<double>::quiet_NaN();
  picture.policy = &two;
  EXPECT_EQ(kept(study.search()), (std::vector<int>{1, 1, 0, 0, 1, 1, 0, 1, 0}));
}

TEST(Duplicates, EmbeddingsFindWhatHashesDoNot) {
  const PerceptualHash hash = some_hash(1);
  PerceptualHash other = some_hash(2);
  Study study;
  study.add(hash);
  study.add(with_flipped(hash, 0xFFFFFFFF));  // a like thumbnail
  study.add(other);
  torch::Tensor embeddings = torch::ones({3, 16});
  EXPECT_EQ(study.search({}, embeddings).clusters, 0);  // not asked for
  DuplicatesConfig config;
  config.embedding.emplace();
  EXPECT_EQ(study.search(config, embeddings).cluster, (std::vector<std::int64_t>{0, 0, -1}));
  embeddings[1].neg_();
  EXPECT_EQ(study.search(config, embeddings).clusters, 0);
}

TEST(Duplicates, ManyLikePicturesAreOneCluster) {
  // 3,000 frames with equal hashes and 3,000 with near ones, all of one view; 3,000 that only share the hash.
  Study study;
  std::mt19937_64 random(3);
  const PerceptualHash view = some_hash(1);
  for (std::size_t i = 0; i < 9000; ++i) {
    PerceptualHash hash = i < 6000 ? view : some_hash(100 + i);
    hash.bits = view.bits;
    if (i >= 3000 && i < 6000) {
      hash.bits ^= random() & random() & random() & random();  // 4 bits on average
    }
    if (i < 6000) {
      hash.thumbnail[i % 256] ^= static_cast<std::uint8_t>(i / 256 % 4);
    }
    study.add(hash);
  }
  const DuplicateSearch found = study.search();
  EXPECT_EQ(found.clusters, 1);
  EXPECT_EQ(std::count(found.cluster.begin(), found.cluster.begin() + 6000, 0), 6000);
  EXPECT_EQ(std::count(found.cluster.begin() + 6000, found.cluster.end(), -1), 3000);
}

TEST(Duplicates, DoNotHangOnThreads) {
  Study study;
  std::mt19937_64 random(4);
  for (std::uint64_t i = 0; i < 3000; ++i) {
    study.add(with_flipped(some_hash(i % 1000), random() & random() & random()));
  }
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const DuplicateSearch one = study.search();
  at::set_num_threads(3);
  const DuplicateSearch three = study.search();
  at::set_num_threads(threads);
  EXPECT_EQ(one.cluster, three.cluster);
  EXPECT_GT(one.clusters, 500);
}

/// A made-up picture with the spectrum of natural ones: blobs of many sizes on a slope.
Image made_up_picture(std::uint64_t seed) {
  constexpr int kSide = 96;
  std::mt19937_64 random(seed);
  const auto draw = [&](double low, double high) {
    return low + (high - low) * static_cast<double>(random() % 10'007) / 10'006;
  };
  std::vector<double> grey(static_cast<std::size_t>(kSide) * kSide, 0.0);
  const double slope_x = draw(-30, 30);
  const double slope_y = draw(-30, 30);
  for (int blob = 0; blob < 40; ++blob) {
    const double size = draw(2, 20);
    const double x0 = draw(0, kSide);
    const double y0 = draw(0, kSide);
    const double height = draw(-50, 50);
    for (int y = 0; y < kSide; ++y) {
      for (int x = 0; x < kSide; ++x) {
        const double far = ((x - x0) * (x - x0) + (y - y0) * (y - y0)) / (size * size);
        grey[static_cast<std::size_t>(y * kSide + x)] += height * std::exp(-far);
      }
    }
  }
  Image image{kSide, kSide, {}};
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const double value = 110 + grey[static_cast<std::size_t>(y * kSide + x)] + slope_x * x / kSide +
                           slope_y * y / kSide + draw(-4, 4);
      for (const double tint : {1.0, 0.9, 0.8}) {
        image.pixels.push_back(static_cast<std::uint8_t>(std::clamp(tint * value, 0.0, 255.0)));
      }
    }
  }
  return image;
}

TEST(Duplicates, FindPlantedCopies) {
  constexpr std::size_t kSubjects = 60;
  Study study;
  std::vector<std::size_t> subjects;
  std::vector<std::string> kinds;
  for (std::size_t subject = 0; subject < kSubjects; ++subject) {
    const Image picture = made_up_picture(subject);
    const auto add = [&](const std::string& kind, const Image& image) {
      const bool is_equal = kind == "picture" || kind == "byte copy";
      study.add(is_equal ? std::to_string(subject) : kind + std::to_string(subject), perceptual_hash(image));
      subjects.push_back(subject);
      kinds.push_back(kind);
    };
    add("picture", picture);
    for (const Copy& copy : copies()) {
      add(copy.name, copy.make(picture));
    }
  }
  const DuplicateSearch found = study.search();
  std::map<std::string, int> hits;
  const std::size_t each = copies().size() + 1;
  for (std::size_t i = 0; i < study.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const bool is_one_cluster = found.cluster[i] >= 0 && found.cluster[i] == found.cluster[j];
      EXPECT_FALSE(is_one_cluster && subjects[i] != subjects[j]) << i << ' ' << j;
    }
    hits[kinds[i]] += found.cluster[i] >= 0 && found.cluster[i] == found.cluster[i - i % each] ? 1 : 0;
  }
  EXPECT_EQ(found.exact_copies, kSubjects);
  for (const char* kind : {"byte copy", "JPEG 75", "JPEG 50", "half size", "double size", "brightness +10 %",
                           "brightness -10 %"}) {
    EXPECT_GE(hits[kind], kSubjects * 95 / 100) << kind;
  }
}

}  // namespace
}  // namespace medisyn
