// Searches similar pairs and times it: the half of scripts/bench_neighbours.py that is medisyn's.
//   similar_pairs_run ROWS.safetensors MIN_COSINE PAIRS.safetensors   all pairs of `rows`
//   similar_pairs_run COUNT WIDTH MIN_COSINE SECONDS                  random rows, until the time is over
// Prints {"seconds":, "share":, "pairs":, "peak_bytes":}.
#include <fmt/format.h>
#include <torch/types.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "../peak_bytes.h"
#include "medisyn/core/memory.h"
#include "medisyn/features/similar_pairs.h"
#include "medisyn/io/safetensors.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void report(double seconds, double share, std::int64_t pairs) {
  fmt::print("{{\"seconds\": {:.3f}, \"share\": {:.6f}, \"pairs\": {}, \"peak_bytes\": {}}}\n", seconds,
             share, pairs, medisyn::peak_bytes());
}

void search_all(const std::string& file, double min_cosine, const std::string& out) {
  const torch::Tensor rows = medisyn::Safetensors(file).tensor("rows").clone();
  const auto start = Clock::now();
  const auto pairs = medisyn::similar_pairs(rows, min_cosine);
  report(seconds_since(start), 1, static_cast<std::int64_t>(pairs.size()));
  const auto count = static_cast<std::int64_t>(pairs.size());
  const torch::Tensor numbers = torch::empty({count, 2}, torch::kLong);
  const torch::Tensor cosines = torch::empty({count}, torch::kDouble);
  for (std::int64_t i = 0; i < count; ++i) {
    const medisyn::SimilarPair& pair = pairs[static_cast<std::size_t>(i)];
    numbers.mutable_data_ptr<std::int64_t>()[2 * i] = pair.a;
    numbers.mutable_data_ptr<std::int64_t>()[2 * i + 1] = pair.b;
    cosines.mutable_data_ptr<double>()[i] = pair.cosine;
  }
  medisyn::write_safetensors(out, {{"pairs", numbers}, {"cosines", cosines}});
}

void search_some(std::int64_t count, std::int64_t width, double min_cosine, double seconds) {
  torch::manual_seed(0);
  const torch::Tensor rows = torch::empty({count, width}).normal_();
  const auto start = Clock::now();
  double share = 0;
  std::int64_t pairs = 0;
  medisyn::find_similar_pairs(
      medisyn::row_source(rows), min_cosine,
      [&](std::span<const medisyn::SimilarPair> found) { pairs += static_cast<std::int64_t>(found.size()); },
      [&](double done) {
        share = done;
        return seconds_since(start) < seconds;
      });
  report(seconds_since(start), share, pairs);
}

}  // namespace

int main(int argc, char** argv) {
  medisyn::keep_freed_memory();
  try {
    if (argc == 4) {
      search_all(argv[1], std::stod(argv[2]), argv[3]);
    } else if (argc == 5) {
      search_some(std::stol(argv[1]), std::stol(argv[2]), std::stod(argv[3]), std::stod(argv[4]));
    } else {
      std::fprintf(stderr,
                   "usage: similar_pairs_run ROWS.safetensors MIN_COSINE PAIRS.safetensors\n"
                   "       similar_pairs_run COUNT WIDTH MIN_COSINE SECONDS\n");
      return 2;
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
}
