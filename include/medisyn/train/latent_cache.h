// What frozen encoders make of a data set, made once and kept on disk (`medisyn cache`).
//
//   FOLDER/latents-KEY/shard-00000.safetensors    moments [n, 2C, h, w] of the VAE's posterior (mean and log
//                                                 variance), time_ids [n, 6]
//   FOLDER/captions-KEY/shard-00000.safetensors   tokens [n, L, D], of SDXL pooled [n, P]
//
// A shard holds rows n * K .. of its list in order, in the dtype in which they were made. The key is a hash
// of everything that they depend on, so that what belongs to another model, other images or another size is
// never taken for it. Shards are written under a temporary name and renamed; those that are there are kept.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "medisyn/dist/ranks.h"
#include "medisyn/io/safetensors.h"

namespace medisyn {

/// A list of rows of tensors in a folder of shards.
class ShardedRows {
 public:
  /// Rows first .. last - 1, each tensor [last - first, ...].
  using MakeFn = std::function<TensorMap(std::int64_t first, std::int64_t last)>;

  ShardedRows(std::filesystem::path folder, std::int64_t size, std::int64_t rows_per_shard);

  /// Makes the shards that are missing, this rank every world-th of them; asks keep_going after each. Gives
  /// the number of rows that it made.
  std::int64_t make_missing(const Rank& rank, const MakeFn& make,
                            const std::function<bool(std::int64_t rows_done)>& keep_going) const;

  /// Maps all shards. Error naming the first that is missing or holds another number of rows.
  void open();

  /// Some rows, each tensor [B, ...], copied. After open(); any thread may ask.
  TensorMap rows(const std::vector<std::int64_t>& indices) const;

  std::int64_t size() const { return size_; }
  std::int64_t missing_rows(const Rank& rank) const;  ///< of this rank's share

 private:
  std::int64_t shards() const { return (size_ + rows_per_shard_ - 1) / rows_per_shard_; }
  std::int64_t rows_of(std::int64_t shard) const;
  std::filesystem::path file(std::int64_t shard) const;

  std::filesystem::path folder_;
  std::int64_t size_;
  std::int64_t rows_per_shard_;
  std::vector<TensorMap> opened_;
};

}  // namespace medisyn
