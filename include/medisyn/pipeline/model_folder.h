// A pipeline's folder of either kind, as its files hold it: what `medisyn model` makes and converts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "medisyn/models/component.h"
#include "medisyn/pipeline/model_index.h"
#include "medisyn/text/tokenizer.h"

namespace medisyn {

struct ModelFolder {
  ModelIndex index;
  std::map<std::string, Component> components;  ///< unet, vae, text_encoder and, of SDXL, text_encoder_2
  std::map<std::string, Tokenizer> tokenizers;  ///< tokenizer and, of SDXL, tokenizer_2
  std::string scheduler;                        ///< scheduler_config.json as it stands
};

/// Reads all parts. Parameters get `dtype`, or keep the file's when none is given. Errors of
/// read_model_index() and read_component().
ModelFolder read_model_folder(const std::filesystem::path& folder,
                              std::optional<torch::ScalarType> dtype = {});

/// The same with all components empty (empty_component).
ModelFolder read_model_frame(const std::filesystem::path& folder);

/// Writes a folder that diffusers loads, whole or not at all: it is made under a temporary name and renamed.
/// Error when something of this name is there already.
void write_model_folder(const std::filesystem::path& folder, const ModelFolder& model);

/// A description of a whole model, configs/models/sd14.yaml say: `pipeline`, and under the name of each
/// component the keys of its config.json or scheduler_config.json.
struct ModelDescription {
  std::string pipeline;
  std::map<std::string, std::string> classes;    ///< component -> class
  std::map<std::string, ConfigNode> components;  ///< component -> its config
  Json scheduler;
};

/// Error FILE:LINE for a component that is unknown, missing or of a class that does not belong there.
ModelDescription read_model_description(const std::filesystem::path& file,
                                        const std::vector<std::string>& overrides = {});

/// The description's model around its tokenizers and with no components yet: index and scheduler. `tokenizer`
/// serves both of SDXL, the second one padding with "!".
ModelFolder empty_model_folder(const ModelDescription& description, const Tokenizer& tokenizer);

/// A tokenizer from its folder, or CLIP's from a file of merges with `model_max_length` tokens a text.
Tokenizer read_tokenizer(const std::filesystem::path& folder_or_merges, std::int64_t model_max_length = 77);

}  // namespace medisyn
