#include "generation.h"

#include <torch/types.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <map>

#include "medisyn/core/config_node.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/data/transforms.h"
#include "medisyn/io/image.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/io/safetensors.h"
#include "medisyn/report/contact_sheet.h"
#include "medisyn/text/encoding.h"

namespace medisyn {
namespace {

constexpr const char* kIdentityKey = "request_sha256";
constexpr const char* kLatents = "latents.safetensors";
constexpr const char* kLatentParts = "latents.parts";
constexpr std::size_t kSheetPictures = 24;  ///< at least one of each prompt, of so many prompts at most
constexpr std::size_t kSheetColumns = 8;

Json row_of(const ImageRequest& request, const std::string& text, const std::string& file_name,
            const std::string& model_hash, bool unconditional) {
  Json row = Json::object();
  row["file_name"] = file_name;
  row["text"] = text;
  row["seed"] = request.seed;
  row["sampler"] = request.sampler.sampler;
  row["steps"] = request.sampler.steps;
  row["scale"] = request.scale;
  row["negative"] = request.negative;
  row["size"] = format_size(request.size);
  if (request.sampler.eta != 0) {
    row["eta"] = request.sampler.eta;
  }
  row["model_sha256"] = model_hash;
  if (unconditional) {
    row["unconditional"] = true;
  }
  return row;
}

ImageRequest request_of(const Prompt& prompt, const GenerationOptions& options, std::uint32_t seed) {
  return {.text = options.unconditional ? "" : prompt.text,
          .negative = prompt.negative.value_or(options.negative),
          .seed = seed,
          .scale = prompt.scale.value_or(options.scale),
          .size = prompt.size.value_or(options.size),
          .sampler = {
              .sampler = options.sampler, .steps = prompt.steps.value_or(options.steps), .eta = options.eta}};
}

/// What a viewer shows beside the pixels: the row without what the file itself says.
std::map<std::string, std::string> png_text(const Json& row) {
  std::map<std::string, std::string> text{{"Software", "medisyn"}};
  for (const auto& [key, value] : row.items()) {
    if (key != "file_name" && key != "size") {
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

std::vector<PlannedImage> plan_images(const std::vector<Prompt>& prompts, const GenerationOptions& options,
                                      const std::string& model_hash) {
  std::size_t total = 0;
  for (const Prompt& prompt : prompts) {
    total += static_cast<std::size_t>(prompt.n.value_or(options.n));
  }
  const std::size_t digits = std::max<std::size_t>(5, std::to_string(total - 1).size());
  std::vector<PlannedImage> images;
  images.reserve(total);
  std::int64_t next_record_seed = options.seed;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const Prompt& prompt = prompts[i];
    const std::int64_t n = prompt.n.value_or(options.n);
    std::int64_t first_seed = prompt.seed.value_or(options.seed);
    if (prompt.is_record && !prompt.seed) {
      first_seed = next_record_seed;
      next_record_seed += n;
    }
    checked_seed(first_seed + n - 1, fmt::format("prompt {} \"{}\": the seed of its last image", i + 1,
                                                 beginning(prompt.text, 40)));
    for (std::int64_t k = 0; k < n; ++k) {
      const auto request = request_of(prompt, options, static_cast<std::uint32_t>(first_seed + k));
      const std::string name = fmt::format("{:0{}}.png", images.size(), digits);
      images.push_back({.request = request,
                        .row = row_of(request, prompt.text, name, model_hash, options.unconditional),
                        .prompt = i});
    }
  }
  return images;
}

GenerationFolder::GenerationFolder(fs::path folder, std::vector<PlannedImage> images, Json config,
                                   const std::string& identity, bool save_latents, bool strip_metadata)
    : folder_(std::move(folder)),
      images_(std::move(images)),
      save_latents_(save_latents),
      strip_metadata_(strip_metadata) {
  const fs::path config_file = folder_ / "config.yaml";
  if (identity_in(config_file) == identity) {
    remove_leftovers();
    for (std::size_t i = 0; i < images_.size(); ++i) {
      found_ += is_whole_png(image_path(i)) ? 1 : 0;
    }
  } else {
    claimed_.emplace(folder_);
    if (fs::exists(image_path(0))) {
      fail("{}: is already there, from something else: choose another --out or remove the folder",
           image_path(0).string());
    }
    config[kIdentityKey] = identity;
    write_yaml(config_file, config);
  }
  if (save_latents_ && !fs::exists(folder_ / kLatents)) {
    fs::create_directories(folder_ / kLatentParts);
  }
}

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
  return has_latents &&
         std::all_of(batch.begin(), batch.end(), [&](std::size_t i) { return is_whole_png(image_path(i)); });
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

void GenerationFolder::write_contact_sheet() const {
  std::map<std::size_t, std::vector<std::size_t>> by_prompt;
  for (std::size_t i = 0; i < images_.size() && by_prompt.size() <= kSheetPictures; ++i) {
    if (is_whole_png(image_path(i))) {
      by_prompt[images_[i].prompt].push_back(i);
    }
  }
  std::size_t columns =
      std::clamp<std::size_t>(kSheetPictures / std::max<std::size_t>(by_prompt.size(), 1), 1, kSheetColumns);
  for (const auto& [prompt, members] : by_prompt) {
    columns = std::min(columns, members.size());
  }
  std::vector<Image> pictures;
  std::vector<std::string> captions;
  std::size_t prompts = 0;
  for (const auto& [prompt, members] : by_prompt) {
    if (prompts++ == kSheetPictures) {
      break;
    }
    for (std::size_t k = 0; k < columns; ++k) {
      const Json& row = images_[members[k]].row;
      pictures.push_back(read_image(image_path(members[k])));
      captions.push_back(row["text"].get<std::string>());
    }
  }
  if (pictures.empty()) {
    return;
  }
  const Json& row = images_.front().row;
  ContactSheetLayout layout{.columns = columns > 1 ? static_cast<int>(columns) : 0};
  layout.title = fmt::format("{} of {} images, {} {} steps, scale {}{}", pictures.size(), images_.size(),
                             row["sampler"].get<std::string>(), row["steps"].dump(), row["scale"].dump(),
                             row.contains("unconditional") ? ", prompts emptied" : "");
  write_file(folder_ / "contact_sheet.png", encode_png(contact_sheet(pictures, captions, layout)));
}

}  // namespace medisyn
