#include "generation_folder.h"

#include <torch/types.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>

#include "medisyn/core/config_node.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/data/transforms.h"
#include "medisyn/io/image.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/io/safetensors.h"

namespace medisyn {
namespace {

constexpr const char* kConfig = "config.yaml";
constexpr const char* kIdentityKey = "request_sha256";
constexpr const char* kLatents = "latents.safetensors";
constexpr const char* kLatentParts = "latents.parts";

/// What a viewer shows beside the pixels: the row without what the file itself says.
std::map<std::string, std::string> png_text(const Json& row) {
  std::map<std::string, std::string> text{{"Software", "medisyn"}};
  for (const auto& [key, value] : row.items()) {
    if (key != "file_name" && key != "size" && !value.is_null()) {
      text[key == "text" ? "prompt" : key] = value.is_string() ? value.get<std::string>() : value.dump();
    }
  }
  return text;
}

/// A PNG ends in an empty IEND chunk; a file that was cut short does not.
bool is_whole_png(const fs::path& path) {
  static constexpr std::array<char, 12> kEnd{0, 0, 0, 0, 'I', 'E', 'N', 'D', '\xAE', 'B', '\x60', '\x82'};
  std::ifstream stream(path, std::ios::binary);
  std::array<char, 12> tail{};
  return stream.seekg(-static_cast<std::streamoff>(tail.size()), std::ios::end) &&
         stream.read(tail.data(), tail.size()) && tail == kEnd;
}

/// request_sha256 in a config.yaml, or "".
std::string identity_in(const fs::path& config) {
  if (!fs::exists(config)) {
    return "";
  }
  const ConfigNode root = parse_config_file(config);
  for (const auto& [key, value] : root.entries) {
    if (key == kIdentityKey) {
      return value.scalar;
    }
  }
  return "";
}

}  // namespace

GenerationFolder::GenerationFolder(fs::path folder, std::vector<PlannedImage> images, const Json& config,
                                   const std::string& identity, bool save_latents, bool strip_metadata)
    : folder_(std::move(folder)),
      images_(std::move(images)),
      save_latents_(save_latents),
      strip_metadata_(strip_metadata) {
  if (identity_in(folder_ / kConfig) == identity || !claim(config, identity)) {
    for (std::size_t i = 0; i < images_.size(); ++i) {
      found_ += has_image(i) ? 1 : 0;
    }
  }
  if (save_latents_ && !fs::exists(folder_ / kLatents)) {
    fs::create_directories(folder_ / kLatentParts);
  }
}

/// Begins the run. False when another rank has begun it meanwhile.
bool GenerationFolder::claim(const Json& config, const std::string& identity) {
  try {
    claimed_.emplace(folder_);
    if (fs::exists(image_path(0))) {
      fail("{}: is already there, from something else: choose another --out or remove the folder",
           image_path(0).string());
    }
  } catch (const Error&) {
    if (identity_in(folder_ / kConfig) == identity) {
      return false;
    }
    throw;
  }
  Json identified = config;
  identified[kIdentityKey] = identity;
  write_yaml(folder_ / kConfig, identified);
  return true;
}

bool GenerationFolder::has_image(std::size_t i) const { return is_whole_png(image_path(i)); }

fs::path GenerationFolder::image_path(std::size_t i) const {
  return folder_ / images_[i].row["file_name"].get<std::string>();
}

fs::path GenerationFolder::latents_path(const std::vector<std::size_t>& batch) const {
  return folder_ / kLatentParts / fmt::format("{:08}.safetensors", batch.front());
}

void GenerationFolder::remove_leftovers() const {
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().filename().string().find(".png.tmp") != std::string::npos) {
      fs::remove(entry.path());  // a killed run's unfinished file
    }
  }
}

bool GenerationFolder::has_batch(const std::vector<std::size_t>& batch) const {
  const bool has_latents =
      !save_latents_ || fs::exists(folder_ / kLatents) || fs::exists(latents_path(batch));
  return has_latents && std::all_of(batch.begin(), batch.end(), [&](std::size_t i) { return has_image(i); });
}

void GenerationFolder::write_batch(const std::vector<std::size_t>& batch, const ImageBatch& drawn) {
  if (save_latents_ && !fs::exists(folder_ / kLatents)) {
    write_safetensors(latents_path(batch), {{"latents", drawn.latents}});
  }
  for (std::size_t place = 0; place < batch.size(); ++place) {
    const std::size_t i = batch[place];
    const auto image = drawn.images[static_cast<std::int64_t>(place)];
    if (!torch::isfinite(image).all().item<bool>()) {
      broken_.push_back(images_[i].row["file_name"]);
      continue;
    }
    write_file(image_path(i),
               encode_png(to_image(image),
                          strip_metadata_ ? std::map<std::string, std::string>{} : png_text(images_[i].row)));
  }
}

void GenerationFolder::write_metadata() const {
  std::vector<Json> rows;
  for (std::size_t i = 0; i < images_.size(); ++i) {
    if (fs::exists(image_path(i))) {
      rows.push_back(images_[i].row);
    }
  }
  write_jsonl(folder_ / "metadata.jsonl", rows);
}

void GenerationFolder::write_latents(const std::vector<std::vector<std::size_t>>& batches) const {
  if (!save_latents_ || fs::exists(folder_ / kLatents)) {
    return;
  }
  torch::Tensor all;
  for (const auto& batch : batches) {
    const auto part = Safetensors(latents_path(batch)).tensor("latents");
    if (!all.defined()) {
      auto shape = part.sizes().vec();
      shape[0] = static_cast<std::int64_t>(images_.size());
      all = torch::empty(shape);
    }
    for (std::size_t place = 0; place < batch.size(); ++place) {
      all[static_cast<std::int64_t>(batch[place])] = part[static_cast<std::int64_t>(place)];
    }
  }
  write_safetensors(folder_ / kLatents, {{"latents", all}});
  fs::remove_all(folder_ / kLatentParts);
}

}  // namespace medisyn
