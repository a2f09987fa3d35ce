// Runs the search for duplicates on planted copies of real pictures, or on many hashes: the runner of
// scripts/measure_duplicates.py.
//   duplicates_run planted DATA WEIGHTS   pictures of quickstart/data, by hash and by hash and embedding
//   duplicates_run many COUNT             random hashes, 1 % planted neighbours
//   duplicates_run crowded COUNT          the same, two fifths of them crowded about two hashes
// Prints one JSON object.
#include <torch/torch.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <random>
#include <string>

#include "../peak_bytes.h"
#include "medisyn/core/files.h"
#include "medisyn/core/numbers.h"
#include "medisyn/core/run_record.h"
#include "medisyn/curate/duplicates.h"
#include "medisyn/curate/fit.h"
#include "medisyn/features/extractor.h"
#include "planted_pictures.h"

namespace medisyn {
namespace {

constexpr int kPixels = 512;  // of the finished pictures, as curate's default

struct Planted {
  std::vector<std::size_t> subjects;
  std::vector<int> kinds;  // of copies(); -1: the picture itself
  std::vector<std::string> pixels;
  std::vector<PerceptualHash> hashes;
  torch::Tensor embeddings;
};

torch::Tensor as_input(const Image& image, int pixels) {
  Image small = resize(image, pixels, pixels);
  return torch::from_blob(small.pixels.data(), {pixels, pixels, 3}, torch::kByte)
      .permute({2, 0, 1})
      .to(torch::kFloat)
      .div(255);
}

Planted plant(const std::filesystem::path& data, const std::filesystem::path& weights) {
  const torch::InferenceMode inference;
  const Extractor extractor = load_extractor("efficientnet_lite0", weights, torch::kCPU);
  const std::vector<Subject> subjects = read_subjects(data);
  Planted planted;
  std::vector<torch::Tensor> embeddings;
  for (std::size_t subject = 0; subject < subjects.size(); ++subject) {
    std::vector<torch::Tensor> inputs;
    const auto add = [&](const Image& picture, int kind) {
      const Image finished = fitted(picture, kPixels, "crop");
      planted.subjects.push_back(subject);
      planted.kinds.push_back(kind);
      planted.pixels.push_back(
          sha256_hex({reinterpret_cast<const char*>(finished.pixels.data()), finished.pixels.size()}));
      planted.hashes.push_back(perceptual_hash(finished));
      inputs.push_back(as_input(finished, static_cast<int>(extractor.image_pixels)));
    };
    add(subjects[subject].picture, -1);
    for (std::size_t kind = 0; kind < copies().size(); ++kind) {
      add(copies()[kind].make(subjects[subject].picture), static_cast<int>(kind));
    }
    embeddings.push_back(extractor.features(torch::stack(inputs)));
  }
  planted.embeddings = torch::cat(embeddings);
  return planted;
}

/// Over all pairs of images in one cluster: those of one subject are right. Of each kind of copy the share
/// that stands in its picture's cluster.
Json score(const Planted& planted, const DuplicatesConfig& config, const torch::Tensor& embeddings) {
  std::vector<DuplicateFacts> facts;
  for (std::size_t i = 0; i < planted.hashes.size(); ++i) {
    facts.push_back({.pixels = planted.pixels[i], .hash = &planted.hashes[i], .policy = &config.near});
  }
  const DuplicateSearch found = find_duplicates(facts, config, embeddings);
  std::int64_t right = 0;
  std::int64_t wrong = 0;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (found.cluster[i] >= 0 && found.cluster[i] == found.cluster[j]) {
        ++(planted.subjects[i] == planted.subjects[j] ? right : wrong);
      }
    }
  }
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> kinds;  // found, all
  const std::size_t kinds_each = copies().size() + 1;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    if (planted.kinds[i] >= 0) {
      auto& [hits, all] = kinds[copies()[static_cast<std::size_t>(planted.kinds[i])].name];
      const std::size_t original = i - i % kinds_each;
      hits += found.cluster[i] >= 0 && found.cluster[i] == found.cluster[original] ? 1 : 0;
      ++all;
    }
  }
  Json recall = Json::object();
  for (const auto& [name, counts] : kinds) {
    recall[name] = static_cast<double>(counts.first) / static_cast<double>(counts.second);
  }
  return {{"right_pairs", right},
          {"wrong_pairs", wrong},
          {"precision",
           static_cast<double>(right) / static_cast<double>(std::max<std::int64_t>(1, right + wrong))},
          {"recall", recall},
          {"exact_copies", found.exact_copies},
          {"blank", found.blank},
          {"unchecked", found.unchecked}};
}

Json run_planted(const std::filesystem::path& data, const std::filesystem::path& weights) {
  const Planted planted = plant(data, weights);
  DuplicatesConfig config;
  Json result{{"images", planted.hashes.size()},
              {"subjects", planted.subjects.back() + 1},
              {"max_distance", config.max_distance},
              {"min_correlation", config.min_correlation}};
  result["hash"] = score(planted, config, {});
  config.embedding.emplace().weights = weights;
  result["min_cosine"] = config.embedding->min_cosine;
  result["hash_and_embedding"] = score(planted, config, planted.embeddings);
  return result;
}

/// A picture as a walk through grey values, and its hash's bits at random.
PerceptualHash random_hash(std::mt19937_64& random) {
  PerceptualHash hash{.bits = random()};
  for (std::size_t i = 0; i < hash.thumbnail.size(); i += 8) {
    const std::uint64_t eight = random();
    for (std::size_t k = 0; k < 8; ++k) {
      hash.thumbnail[i + k] = static_cast<std::uint8_t>(eight >> (8 * k));
    }
  }
  return hash;
}

PerceptualHash neighbour(PerceptualHash hash, int bits, std::mt19937_64& random) {
  for (int i = 0; i < bits; ++i) {
    hash.bits ^= std::uint64_t{1} << (random() % 64);
  }
  hash.thumbnail[random() % hash.thumbnail.size()] ^= 3;
  return hash;
}

/// 1 % are neighbours of the hash before them. With `is_crowded`, a fifth are different pictures with a hash
/// within two bits of one, and a fifth slightly different frames of one picture.
Json run_many(std::int64_t count, bool is_crowded) {
  std::mt19937_64 random(5);
  const PerceptualHash crowd = random_hash(random);
  const PerceptualHash film = random_hash(random);
  std::vector<PerceptualHash> hashes;
  std::vector<std::string> pixels;
  hashes.reserve(static_cast<std::size_t>(count));
  std::int64_t planted = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    PerceptualHash hash = random_hash(random);
    const auto die = static_cast<int>(random() % 1000);
    if (i > 0 && die < 10) {
      hash = neighbour(hashes.back(), static_cast<int>(random() % 15), random);
      ++planted;
    } else if (is_crowded && die < 200) {
      hash.bits = neighbour(crowd, 2, random).bits;
    } else if (is_crowded && die < 400) {
      hash = neighbour(film, 6, random);
    }
    hashes.push_back(hash);
    pixels.push_back(std::to_string(i));
  }
  const DuplicatesConfig config;
  std::vector<DuplicateFacts> facts;
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    facts.push_back({.pixels = pixels[i], .hash = &hashes[i], .policy = &config.near});
  }
  const std::int64_t before = peak_bytes();
  const auto start = std::chrono::steady_clock::now();
  const DuplicateSearch found = find_duplicates(facts, config, {});
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return {{"hashes", count},
          {"seconds", seconds},
          {"planted", planted},
          {"near_duplicates", found.near_duplicates},
          {"clusters", found.clusters},
          {"unchecked", found.unchecked},
          {"bytes", peak_bytes() - before}};
}

Json run(const std::vector<std::string>& arguments) {
  if (arguments.size() == 3 && arguments[0] == "planted") {
    return run_planted(arguments[1], arguments[2]);
  }
  const auto count = arguments.size() == 2 ? parse_number<std::int64_t>(arguments[1]) : std::nullopt;
  if (!count || (arguments[0] != "many" && arguments[0] != "crowded")) {
    fail("usage: duplicates_run planted DATA WEIGHTS | many COUNT | crowded COUNT");
  }
  return run_many(*count, arguments[0] == "crowded");
}

}  // namespace
}  // namespace medisyn

int main(int argc, char** argv) {
  try {
    const medisyn::Json result = medisyn::run({argv + 1, argv + argc});
    std::puts(result.dump().c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
