#include "medisyn/curate/duplicates.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <tuple>
#include <unordered_map>

#include "hash_pairs.h"
#include "medisyn/curate/disjoint_sets.h"
#include "medisyn/features/similar_pairs.h"

namespace medisyn {
namespace {

// A network takes pictures of one kind for one another: of the quickstart's 199 skin lesions, cosines reach
// 0.97 between different ones and 0.99 between strongly compressed ones. Their thumbnails differ.
constexpr double kEmbeddingCorrelation = 0.9;

// Thousands of pictures may have hashes in common (a title card, one view in a long film). So a picture may
// be looked at with at most kBudget others: those of its own set cost 1, those that prove to be different
// kFailure, because a correlation takes so much longer.
constexpr int kBudget = 4096;
constexpr int kFailure = 8;

/// Pictures of one hash: places begin..end in the sorted list.
struct Group {
  std::uint64_t bits = 0;
  std::size_t begin = 0, end = 0;
  bool is_one_set = false;

  std::size_t size() const { return end - begin; }
};

/// Joins the images whose hashes are near and whose thumbnails are alike.
class HashSearch {
 public:
  HashSearch(const std::vector<DuplicateFacts>& images, const DuplicatesConfig& config, DisjointSets& sets)
      : images_(images), config_(config), sets_(sets) {}

  /// `candidates`: the images to look at. Returns how many pairs could not be checked.
  std::int64_t run(std::vector<std::size_t> candidates) {
    sort(std::move(candidates));
    budget_.assign(pictures_.size(), kBudget);
    for (Group& group : groups_) {
      join_within(group);
    }
    std::vector<std::uint64_t> hashes;
    for (const Group& group : groups_) {
      hashes.push_back(group.bits);
    }
    const auto distance = static_cast<int>(config_.max_distance);
    unchecked_ += find_close_hashes(hashes, distance, [&](const std::vector<HashPair>& pairs) {
      for (const HashPair& pair : pairs) {
        join_across(groups_[pair.a], groups_[pair.b]);
      }
    });
    return unchecked_;
  }

 private:
  const PerceptualHash& hash(std::size_t image) const { return *images_[image].hash; }

  /// By hash, thumbnail and place; of equal ones the first stays, the others join it.
  void sort(std::vector<std::size_t> candidates) {
    std::sort(candidates.begin(), candidates.end(), [&](std::size_t a, std::size_t b) {
      if (hash(a).bits != hash(b).bits) {
        return hash(a).bits < hash(b).bits;
      }
      const auto order = hash(a).thumbnail <=> hash(b).thumbnail;
      return order != 0 ? order < 0 : a < b;
    });
    for (const std::size_t image : candidates) {
      if (!pictures_.empty() && hash(pictures_.back()) == hash(image)) {
        sets_.join(pictures_.back(), image);
        continue;
      }
      if (groups_.empty() || groups_.back().bits != hash(image).bits) {
        groups_.push_back({.bits = hash(image).bits, .begin = pictures_.size()});
      }
      pictures_.push_back(image);
      groups_.back().end = pictures_.size();
    }
    for (const Group& group : groups_) {  // neighbours of one film stand side by side
      std::sort(pictures_.begin() + static_cast<std::ptrdiff_t>(group.begin),
                pictures_.begin() + static_cast<std::ptrdiff_t>(group.end));
    }
  }

  void join_within(Group& group) {
    std::int64_t sets = 0;  // of the pictures so far
    for (std::size_t i = group.begin; i < group.end; ++i) {
      ++sets;
      for (std::size_t j = i; j > group.begin && sets > 1; --j) {
        if (budget_[i] <= 0) {
          unchecked_ += static_cast<std::int64_t>(j - group.begin);
          break;
        }
        sets -= look_at(i, j - 1) ? 1 : 0;
      }
    }
    group.is_one_set = sets <= 1;
  }

  void join_across(const Group& a, const Group& b) {
    const bool ends_early = a.is_one_set && b.is_one_set;
    for (std::size_t i = a.begin; i < a.end; ++i) {
      for (std::size_t j = b.begin; j < b.end; ++j) {
        if (ends_early && sets_.find(pictures_[i]) == sets_.find(pictures_[j])) {
          return;
        }
        if (budget_[i] <= 0) {
          unchecked_ += static_cast<std::int64_t>(b.end - j);
          break;
        }
        look_at(i, j);
      }
    }
  }

  /// Joins the sets of pictures i and j if these are alike, at the expense of i; true when that made one of
  /// two.
  bool look_at(std::size_t i, std::size_t j) {
    const std::size_t a = pictures_[i];
    const std::size_t b = pictures_[j];
    if (sets_.find(a) == sets_.find(b)) {
      --budget_[i];
      return false;
    }
    if (!are_alike(hash(a), hash(b), config_.min_correlation)) {
      budget_[i] -= kFailure;
      return false;
    }
    return sets_.join(a, b);
  }

  const std::vector<DuplicateFacts>& images_;
  const DuplicatesConfig& config_;
  DisjointSets& sets_;
  std::vector<std::size_t> pictures_;  // sorted by hash, then by place
  std::vector<int> budget_;            // of each picture
  std::vector<Group> groups_;
  std::int64_t unchecked_ = 0;
};

class Duplicates {
 public:
  Duplicates(const std::vector<DuplicateFacts>& images, const DuplicatesConfig& config)
      : images_(images), config_(config), sets_(images.size()), first_(images.size()) {
    found_.cluster.assign(images.size(), -1);
    found_.is_exact_copy.assign(images.size(), 0);
    found_.is_kept.assign(images.size(), 1);
  }

  DuplicateSearch run(const torch::Tensor& embeddings) {
    join_equal();
    if (config_.find_near) {
      join_near(embeddings);
    }
    number_clusters();
    apply_policies();
    return std::move(found_);
  }

 private:
  void join_equal() {
    std::unordered_map<std::string_view, std::size_t> seen;
    seen.reserve(images_.size());
    for (std::size_t i = 0; i < images_.size(); ++i) {
      first_[i] = seen.try_emplace(images_[i].pixels, i).first->second;
      if (first_[i] != i) {
        sets_.join(first_[i], i);
        found_.is_exact_copy[i] = 1;
        ++found_.exact_copies;
      }
    }
  }

  void join_near(const torch::Tensor& embeddings) {
    std::vector<std::size_t> candidates;
    std::vector<char> is_candidate(images_.size(), 0);
    for (std::size_t i = 0; i < images_.size(); ++i) {
      if (first_[i] != i || images_[i].hash == nullptr) {
        continue;
      }
      if (thumbnail_deviation(*images_[i].hash) < kBlankDeviation) {
        ++found_.blank;
        continue;
      }
      candidates.push_back(i);
      is_candidate[i] = 1;
    }
    found_.unchecked = HashSearch(images_, config_, sets_).run(std::move(candidates));
    if (embeddings.defined() && config_.embedding) {
      TORCH_CHECK(embeddings.size(0) == std::ssize(images_), embeddings.size(0), " embeddings of ",
                  images_.size(), " images");
      join_by_embedding(embeddings, is_candidate);
    }
  }

  void join_by_embedding(const torch::Tensor& embeddings, const std::vector<char>& is_candidate) {
    const auto join = [&](std::span<const SimilarPair> pairs) {
      for (const SimilarPair& pair : pairs) {
        const auto a = static_cast<std::size_t>(pair.a);
        const auto b = static_cast<std::size_t>(pair.b);
        if (is_candidate[a] != 0 && is_candidate[b] != 0 && sets_.find(a) != sets_.find(b) &&
            thumbnail_correlation(*images_[a].hash, *images_[b].hash) >= kEmbeddingCorrelation) {
          sets_.join(a, b);
        }
      }
    };
    find_similar_pairs(row_source(embeddings), config_.embedding->min_cosine, join);
  }

  void number_clusters() {
    std::vector<std::int64_t> number(images_.size(), -1);  // by the set's element
    for (std::size_t i = 0; i < images_.size(); ++i) {
      if (sets_.size_of(i) == 1) {
        continue;
      }
      std::int64_t& own = number[sets_.find(i)];
      const bool is_first = own < 0;
      if (is_first) {
        own = found_.clusters++;
      }
      found_.cluster[i] = own;
      found_.near_duplicates += is_first || found_.is_exact_copy[i] != 0 ? 0 : 1;
    }
  }

  /// In order: an image of `keep: one` stays when none of its cluster before it did; one of `per_second: n`
  /// when fewer than n of its cluster's, its video's and its second's did.
  void apply_policies() {
    std::vector<char> is_begun(static_cast<std::size_t>(found_.clusters), 0);
    std::map<std::tuple<std::int64_t, std::string_view, double>, std::int64_t> in_second;
    for (std::size_t i = 0; i < images_.size(); ++i) {
      if (found_.is_exact_copy[i] != 0) {
        found_.is_kept[i] = 0;
        continue;
      }
      if (found_.cluster[i] < 0) {
        continue;
      }
      const DuplicateFacts& image = images_[i];
      const NearDuplicatesConfig& policy = image.policy != nullptr ? *image.policy : config_.near;
      char& has_one = is_begun[static_cast<std::size_t>(found_.cluster[i])];
      bool is_kept = policy.keep == "all" || has_one == 0;
      if (policy.per_second > 0 && !image.video_id.empty() && std::isfinite(image.seconds)) {
        std::int64_t& frames = in_second[{found_.cluster[i], image.video_id, std::floor(image.seconds)}];
        is_kept = frames++ < policy.per_second;
      }
      found_.is_kept[i] = is_kept ? 1 : 0;
      found_.left_out += is_kept ? 0 : 1;
      has_one = is_kept ? 1 : has_one;
    }
  }

  const std::vector<DuplicateFacts>& images_;
  const DuplicatesConfig& config_;
  DisjointSets sets_;
  std::vector<std::size_t> first_;  // of the images that are equal to this one
  DuplicateSearch found_;
};

}  // namespace

DuplicateSearch find_duplicates(const std::vector<DuplicateFacts>& images, const DuplicatesConfig& config,
                                const torch::Tensor& embeddings) {
  return Duplicates(images, config).run(embeddings);
}

}  // namespace medisyn
