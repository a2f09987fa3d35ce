#include "medisyn/pipeline/stable_diffusion.h"

#include <fmt/ranges.h>
#include <algorithm>
#include <vector>

#include "medisyn/core/config_node.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/models/hf_folder.h"

namespace medisyn {
namespace {

constexpr const char* kIndex = "model_index.json";

struct Component {
  const char* folder;
  const char* library;
  std::vector<std::string> classes;  ///< the first one is written
};

const std::vector<Component>& components() {
  static const std::vector<Component> kComponents{
      {"scheduler", "diffusers", {"PNDMScheduler", "DDIMScheduler", "DDPMScheduler"}},
      {"text_encoder", "transformers", {"CLIPTextModel"}},
      {"tokenizer", "transformers", {"CLIPTokenizer", "CLIPTokenizerFast"}},
      {"unet", "diffusers", {"UNet2DConditionModel"}},
      {"vae", "diffusers", {"AutoencoderKL"}},
  };
  return kComponents;
}

/// Error when model_index.json names another pipeline or classes that are not here.
void check_index(const fs::path& folder) {
  const fs::path file = folder / kIndex;
  const ConfigNode root = parse_config_file(file);
  const ConfigNode::Map& entries = root.map("");
  const auto find = [&](const std::string& key) {
    return std::find_if(entries.begin(), entries.end(),
                        [&](const auto& entry) { return entry.first == key; });
  };
  const auto pipeline = find("_class_name");
  if (pipeline == entries.end() || pipeline->second.scalar != "StableDiffusionPipeline") {
    fail("{}: _class_name: expected StableDiffusionPipeline, found {}", file.string(),
         pipeline == entries.end() ? "none" : pipeline->second.scalar);
  }
  for (const Component& component : components()) {
    const auto entry = find(component.folder);
    if (entry == entries.end()) {
      fail("{}: expected the component \"{}\": [\"{}\", \"{}\"]", file.string(), component.folder,
           component.library, component.classes.front());
    }
    const auto& names = entry->second.list(component.folder);
    const std::string name = names.size() == 2 ? names[1].scalar : "";
    const auto& classes = component.classes;
    if (std::find(classes.begin(), classes.end(), name) == classes.end()) {
      entry->second.refuse(component.folder, fmt::format("a {}", fmt::join(classes, " or ")));
    }
  }
}

void check_fit(const fs::path& folder, const StableDiffusion& model) {
  const auto& unet = model.unet->config();
  const std::int64_t text_width = model.text_encoder->config().hidden_size;
  for (const std::int64_t width : unet.cross_attention_dim) {
    if (width != text_width) {
      fail("{}: the U-Net attends to text of width {}, and the text encoder's hidden_size is {}",
           folder.string(), width, text_width);
    }
  }
  const std::int64_t latent_channels = model.vae->config().latent_channels;
  if (unet.in_channels != latent_channels || unet.out_channels != latent_channels) {
    fail("{}: the U-Net goes from {} to {} channels, and the VAE has {} latent channels", folder.string(),
         unet.in_channels, unet.out_channels, latent_channels);
  }
  if (model.tokenizer.vocab_size() > model.text_encoder->config().vocab_size) {
    fail("{}: the tokenizer has {} tokens, and the text encoder's vocab_size is {}", folder.string(),
         model.tokenizer.vocab_size(), model.text_encoder->config().vocab_size);
  }
  if (model.tokenizer.model_max_length() > model.text_encoder->config().max_position_embeddings) {
    fail("{}: the tokenizer's model_max_length is {}, and the text encoder's max_position_embeddings {}",
         folder.string(), model.tokenizer.model_max_length(),
         model.text_encoder->config().max_position_embeddings);
  }
}

}  // namespace

fs::path resolve_model_folder(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    fail("{}: no such folder; expected a model folder or a training run", folder.string());
  }
  if (fs::exists(folder / kIndex)) {
    return folder;
  }
  const fs::path latest = folder / "latest";
  if (fs::is_directory(latest) && fs::exists(latest / kIndex)) {
    return fs::canonical(latest);
  }
  if (!fs::is_regular_file(latest)) {
    fail("{}: expected a model folder (with {}) or a training run (with latest), found neither",
         folder.string(), kIndex);
  }
  std::string name = read_file(latest);
  name.erase(name.find_last_not_of(" \t\r\n") + 1);
  const fs::path checkpoint = folder / name;
  if (name.empty() || !fs::exists(checkpoint / kIndex)) {
    fail("{}: names \"{}\", which holds no {}; a run of a VAE alone cannot draw images", latest.string(),
         name, kIndex);
  }
  return checkpoint;
}

StableDiffusion load_stable_diffusion(const fs::path& path, torch::ScalarType dtype) {
  const fs::path folder = resolve_model_folder(path);
  check_index(folder);
  StableDiffusion model{
      .tokenizer = ClipTokenizer::load(folder / "tokenizer"),
      .text_encoder = load_component<CLIPTextModel>(folder / "text_encoder", dtype),
      .unet = load_component<UNet2DConditionModel>(folder / "unet", dtype),
      .vae = load_component<AutoencoderKL>(folder / "vae", dtype),
      .scheduler = read_scheduler_config(folder / "scheduler"),
  };
  check_fit(folder, model);
  return model;
}

void save_stable_diffusion(const fs::path& folder, const StableDiffusion& model) {
  fs::create_directories(folder);
  model.tokenizer.save(folder / "tokenizer");
  save_component(folder / "text_encoder", model.text_encoder);
  save_component(folder / "unet", model.unet);
  save_component(folder / "vae", model.vae);
  write_scheduler_config(folder / "scheduler", model.scheduler);

  Json index = Json::object();
  index["_class_name"] = "StableDiffusionPipeline";
  index["_diffusers_version"] = "0.30.0";
  index["feature_extractor"] = Json::array({nullptr, nullptr});
  index["image_encoder"] = Json::array({nullptr, nullptr});
  index["requires_safety_checker"] = false;
  index["safety_checker"] = Json::array({nullptr, nullptr});
  for (const Component& component : components()) {
    const bool is_scheduler = std::string_view(component.folder) == "scheduler";
    index[component.folder] = Json::array(
        {component.library, is_scheduler ? model.scheduler.class_name : component.classes.front()});
  }
  // Last, so that a folder with an index is whole.
  write_file(folder / kIndex, index.dump(2) + "\n");
}

std::string model_sha256(const fs::path& path) {
  const fs::path folder = resolve_model_folder(path);
  std::vector<std::string> lines{fmt::format("{} {}", kIndex, sha256_file(folder / kIndex))};
  for (const Component& component : components()) {
    for (const auto& entry : fs::recursive_directory_iterator(folder / component.folder)) {
      if (entry.is_regular_file()) {
        lines.push_back(fmt::format("{} {}", fs::relative(entry.path(), folder).generic_string(),
                                    sha256_file(entry.path())));
      }
    }
  }
  std::sort(lines.begin(), lines.end());
  return sha256_hex(fmt::format("{}\n", fmt::join(lines, "\n")));
}

}  // namespace medisyn
