#include "medisyn/eval/statistics_file.h"

#include <string>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/io/npz.h"

namespace medisyn {
namespace {

constexpr const char* kMean = "mu";
constexpr const char* kCovariance = "sigma";
constexpr const char* kDescription = "medisyn";
constexpr const char* kCount = "n";

torch::Tensor take(const TensorMap& arrays, const char* name, std::int64_t dimensions, const fs::path& path) {
  const auto found = arrays.find(name);
  if (found == arrays.end()) {
    fail("{}: expected the arrays {} and {} of pytorch-fid or clean-fid, found no {}", path.string(), kMean,
         kCovariance, name);
  }
  if (found->second.dim() != dimensions) {
    fail("{}: {}: expected {} dimensions, found {}", path.string(), name, dimensions, found->second.dim());
  }
  torch::Tensor values = found->second.to(torch::kDouble);
  if (!values.isfinite().all().item<bool>()) {
    fail("{}: {}: expected finite numbers, found others", path.string(), name);
  }
  return values;
}

/// The text of the bytes, as JSON; null when there is none.
Json description_in(const TensorMap& arrays) {
  const auto found = arrays.find(kDescription);
  if (found == arrays.end() || found->second.scalar_type() != torch::kByte) {
    return nullptr;
  }
  const torch::Tensor bytes = found->second.contiguous();
  const std::string text(static_cast<const char*>(bytes.const_data_ptr()), bytes.nbytes());
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : Json(nullptr);
}

}  // namespace

StatisticsFile read_statistics(const fs::path& path) {
  const TensorMap arrays = read_npz(path);
  StatisticsFile file;
  file.moments.mean = take(arrays, kMean, 1, path);
  file.moments.covariance = take(arrays, kCovariance, 2, path);
  const std::int64_t width = file.moments.mean.size(0);
  if (width == 0 || file.moments.covariance.size(0) != width || file.moments.covariance.size(1) != width) {
    fail("{}: {}: expected [{}, {}], as {} is long, found [{}, {}]", path.string(), kCovariance, width, width,
         kMean, file.moments.covariance.size(0), file.moments.covariance.size(1));
  }
  file.description = description_in(arrays);
  if (file.description.is_object()) {
    const auto count = file.description.find(kCount);
    file.moments.count =
        count != file.description.end() && count->is_number_integer() ? count->get<std::int64_t>() : 0;
    file.description.erase(kCount);
  }
  return file;
}

void write_statistics(const fs::path& path, const StatisticsFile& statistics) {
  Json description = statistics.description;
  description[kCount] = statistics.moments.count;
  const std::string text = description.dump();
  const torch::Tensor bytes = torch::empty({static_cast<std::int64_t>(text.size())}, torch::kByte);
  text.copy(static_cast<char*>(bytes.data_ptr()), text.size());
  write_npz(path, {{kMean, statistics.moments.mean},
                   {kCovariance, statistics.moments.covariance},
                   {kDescription, bytes}});
}

bool is_statistics_file(const fs::path& path) { return path.extension() == ".npz"; }

}  // namespace medisyn
