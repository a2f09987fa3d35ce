#include "medisyn/data/sample.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <vector>

#include "medisyn/core/error.h"
#include "medisyn/core/random_key.h"

namespace medisyn {

Manifest sample(const Manifest& manifest, std::int64_t n, std::uint64_t seed) {
  const auto total = static_cast<std::int64_t>(manifest.records.size());
  if (n < 0 || n > total) {
    fail("{}: a sample of {} records was asked for, but there are {}", manifest.root.string(), n, total);
  }
  if (n == 0) {
    return manifest;
  }
  // The n smallest of one random key a record: a draw that does not hang on the order of the lines.
  std::vector<std::tuple<std::uint32_t, std::string, std::size_t>> keys;
  for (std::size_t i = 0; i < manifest.records.size(); ++i) {
    const std::string& name = manifest.records[i].file_name;
    keys.emplace_back(random_key({seed, hash_text(name), hash_text("sample")}), name, i);
  }
  std::nth_element(keys.begin(), keys.begin() + (n - 1), keys.end());
  std::vector<std::size_t> drawn;
  for (std::int64_t i = 0; i < n; ++i) {
    drawn.push_back(std::get<2>(keys[static_cast<std::size_t>(i)]));
  }
  std::sort(drawn.begin(), drawn.end());
  Manifest result{manifest.root, {}};
  for (const std::size_t i : drawn) {
    result.records.push_back(manifest.records[i]);
  }
  return result;
}

}  // namespace medisyn
