#include "medisyn/train/latent_cache.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {

ShardedRows::ShardedRows(fs::path folder, std::int64_t size, std::int64_t rows_per_shard)
    : folder_(std::move(folder)), size_(size), rows_per_shard_(rows_per_shard) {}

std::int64_t ShardedRows::rows_of(std::int64_t shard) const {
  return std::min(rows_per_shard_, size_ - shard * rows_per_shard_);
}

fs::path ShardedRows::file(std::int64_t shard) const {
  return folder_ / fmt::format("shard-{:05}.safetensors", shard);
}

std::int64_t ShardedRows::missing_rows(const Rank& rank) const {
  std::int64_t missing = 0;
  for (std::int64_t shard = rank.rank; shard < shards(); shard += rank.world) {
    missing += fs::exists(file(shard)) ? 0 : rows_of(shard);
  }
  return missing;
}

std::int64_t ShardedRows::make_missing(const Rank& rank, const MakeFn& make,
                                       const std::function<bool(std::int64_t)>& keep_going) const {
  fs::create_directories(folder_);
  std::int64_t made = 0;
  for (std::int64_t shard = rank.rank; shard < shards(); shard += rank.world) {
    if (fs::exists(file(shard))) {
      continue;
    }
    const std::int64_t first = shard * rows_per_shard_;
    write_safetensors(file(shard), make(first, first + rows_of(shard)));
    made += rows_of(shard);
    if (!keep_going(made)) {
      break;
    }
  }
  return made;
}

void ShardedRows::open() {
  opened_.clear();
  for (std::int64_t shard = 0; shard < shards(); ++shard) {
    if (!fs::exists(file(shard))) {
      fail("{}: is missing: run medisyn cache again", file(shard).string());
    }
    TensorMap tensors = Safetensors(file(shard)).all();
    for (const auto& [name, tensor] : tensors) {
      if (tensor.dim() < 1 || tensor.size(0) != rows_of(shard)) {
        fail("{}: {}: expected {} rows, found shape [{}]: remove the folder and run medisyn cache again",
             file(shard).string(), name, rows_of(shard), fmt::join(tensor.sizes().vec(), ", "));
      }
    }
    opened_.push_back(std::move(tensors));
  }
}

TensorMap ShardedRows::rows(const std::vector<std::int64_t>& indices) const {
  std::map<std::string, std::vector<torch::Tensor>> picked;
  for (const std::int64_t index : indices) {
    for (const auto& [name, tensor] : opened_[static_cast<std::size_t>(index / rows_per_shard_)]) {
      picked[name].push_back(tensor[index % rows_per_shard_]);
    }
  }
  TensorMap rows;
  for (const auto& [name, tensors] : picked) {
    rows[name] = torch::stack(tensors);
  }
  return rows;
}

}  // namespace medisyn
