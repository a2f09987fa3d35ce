// model_index.json of diffusers: which pipeline a folder is, and which class each of its components has.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace medisyn {

inline constexpr const char* kModelIndex = "model_index.json";
inline constexpr const char* kStableDiffusion = "StableDiffusionPipeline";
inline constexpr const char* kStableDiffusionXL = "StableDiffusionXLPipeline";

/// A folder of a pipeline, and the classes that may be in it.
struct PipelineComponent {
  const char* folder;
  const char* library;
  std::vector<std::string> classes;  ///< empty: a scheduler, which read_scheduler_config() knows
};

/// The components that a pipeline needs. Error for a pipeline that is neither of the two above.
std::span<const PipelineComponent> pipeline_components(const std::string& pipeline);

struct ModelIndex {
  std::string pipeline;                        ///< _class_name
  std::map<std::string, std::string> classes;  ///< folder -> class, of the components that are needed
  std::vector<std::string> unused;             ///< further components: safety_checker, feature_extractor
  bool force_zeros_for_empty_prompt = true;    ///< SDXL: no negative prompt at all means zeros
};

/// Error naming the file for another pipeline, a component that is missing or has another class.
ModelIndex read_model_index(const std::filesystem::path& folder);

/// Writes the file as diffusers does; what is `unused` is not named.
void write_model_index(const std::filesystem::path& folder, const ModelIndex& index);

/// The checkpoint that `latest` of a training run names, a file with its name or a link; none in other
/// folders. Error when it names no folder.
std::optional<std::filesystem::path> latest_of_run(const std::filesystem::path& run);

/// The folder with model_index.json that `folder` means: itself, or for a training run the newest
/// checkpoint. Error when it is neither.
std::filesystem::path resolve_model_folder(const std::filesystem::path& folder);

/// One hash for the model: SHA-256 over the sorted list of its needed files' names and SHA-256.
std::string model_sha256(const std::filesystem::path& folder);

}  // namespace medisyn
