// medisyn model convert, export: one form of a model -> another.
//
//   model folder, training run ─┐                        ┌─ model folder
//   single file of the authors ─┼─ ModelFolder (dtype) ──┴─ single file of the authors
//   BiomedCLIP of open_clip ────┘ (its text tower, into the model folder --base)
#include <filesystem>
#include <optional>

#include "medisyn/cli/model_commands.h"
#include "medisyn/cli/options.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/dist/device.h"
#include "medisyn/models/biomedclip.h"
#include "medisyn/models/original_names.h"
#include "medisyn/pipeline/model_folder.h"

namespace medisyn {
namespace {

constexpr const char* kSingleFile = ".safetensors";

struct ConvertArguments {
  fs::path in;
  fs::path out;
  fs::path base;
  fs::path tokenizer;
  std::string dtype;
  std::int64_t max_length = 77;

  std::optional<torch::ScalarType> stored() const {
    return dtype.empty() ? std::nullopt : std::optional(parse_dtype(dtype));
  }
};

const char* description_of(SingleFileKind kind) {
  switch (kind) {
    case SingleFileKind::kSD1:
      return "models/sd14.yaml";
    case SingleFileKind::kSD2:
      return "models/sd21.yaml";
    default:
      return "models/sdxl.yaml";
  }
}

SingleFileKind kind_of(const ModelFolder& model) {
  if (model.index.pipeline == kStableDiffusionXL) {
    return SingleFileKind::kSDXL;
  }
  const Component& text = model.components.at("text_encoder");
  if (text.class_name != "CLIPTextModel") {
    fail("a single file has no place for a text encoder of class {}", text.class_name);
  }
  return text.config.at("hidden_act") == "quick_gelu" ? SingleFileKind::kSD1 : SingleFileKind::kSD2;
}

/// Configs, tokenizers and scheduler for a single file, which holds none: those of --base, or the published
/// ones.
ModelFolder frame_of(SingleFileKind kind, const ConvertArguments& arguments) {
  if (!arguments.base.empty()) {
    return read_model_frame(arguments.base);
  }
  if (arguments.tokenizer.empty()) {
    fail(
        "{}: a single file holds no tokenizer: give --tokenizer (its folder, or CLIP's "
        "bpe_simple_vocab_16e6.txt.gz) "
        "or --base (a model folder of the same kind)",
        arguments.in.string());
  }
  const ModelDescription description = read_model_description(find_config(description_of(kind)));
  ModelFolder frame = empty_model_folder(description, read_tokenizer(arguments.tokenizer));
  for (const auto& [name, config] : description.components) {
    frame.components.emplace(name, empty_component(description.classes.at(name), config));
  }
  return frame;
}

ModelFolder read_single_file(const ConvertArguments& arguments) {
  const std::string file = arguments.in.string();
  const TensorMap tensors = read_weights(arguments.in);
  const SingleFileKind kind = single_file_kind(tensors, file);
  ModelFolder model = frame_of(kind, arguments);
  for (auto& [name, component] : model.components) {
    set_parameters(*component.module, from_single_file(tensors, kind, name, component, file), file, {},
                   arguments.stored());
  }
  if (const std::size_t beside = tensors_beside_components(tensors, kind); beside > 0) {
    log_info(
        "{}: {} tensors beside U-Net, VAE and text encoder (moving averages, noise schedule) were left out",
        file, beside);
  }
  return model;
}

/// The model folder --base with BiomedCLIP's text tower and tokenizer in the place of its own.
ModelFolder read_biomedclip(const ConvertArguments& arguments) {
  if (arguments.base.empty()) {
    fail(
        "{}: BiomedCLIP draws no images itself: give --base, the Stable Diffusion folder whose texts it "
        "shall encode",
        arguments.in.string());
  }
  ModelFolder model = read_model_folder(arguments.base, arguments.stored());
  const Component text = text_encoder_of(load_biomedclip(arguments.in).model);
  const Json& width = model.components.at("unet").config.at("cross_attention_dim");
  if (model.index.pipeline != kStableDiffusion || width != text.config.at("hidden_size")) {
    fail("{}: expected a Stable Diffusion whose U-Net attends to text of width {}, found a {} of width {}",
         arguments.base.string(), text.config.at("hidden_size").dump(), model.index.pipeline, width.dump());
  }
  const torch::Tensor first = model.components.at("unet").module->parameters().front();
  text.module->to(first.scalar_type());
  const Tokenizer tokenizer = WordPieceTokenizer::load(arguments.in).with_max_length(arguments.max_length);
  model.components.insert_or_assign("text_encoder", text);
  model.tokenizers.insert_or_assign("tokenizer", tokenizer);
  model.index.classes["text_encoder"] = text.class_name;
  model.index.classes["tokenizer"] = tokenizer.class_name();
  return model;
}

ModelFolder read_any(const ConvertArguments& arguments) {
  if (fs::is_regular_file(arguments.in)) {
    return read_single_file(arguments);
  }
  return is_open_clip_folder(arguments.in) ? read_biomedclip(arguments)
                                           : read_model_folder(arguments.in, arguments.stored());
}

void write_any(const fs::path& out, const ModelFolder& model) {
  if (out.extension() != kSingleFile) {
    write_model_folder(out, model);
    return;
  }
  require_absent(out);
  TensorMap tensors;
  const SingleFileKind kind = kind_of(model);
  for (const auto& [name, component] : model.components) {
    add_to_single_file(tensors, kind, name, component);
  }
  write_safetensors(out, tensors, {{"format", "pt"}});
}

void add_dtype(CLI::App& app, std::string& dtype) {
  app.add_option("--dtype", dtype, "How weights are stored: fp32, bf16 or fp16 (as they are, unless given)");
}

void report(const fs::path& out, const ModelFolder& model) {
  for (const std::string& name : model.index.unused) {
    log_info("left out: {}, which nothing here uses", name);
  }
  log_info("written: {}", out.string());
}

}  // namespace

int model_convert_command(int argc, char** argv) {
  CLI::App app(
      "Converts a model: its dtype; a Hugging Face folder from one file as the authors of Stable Diffusion "
      "publish it, "
      "and back; Stable Diffusion with BiomedCLIP as its text encoder");
  CommonOptions options;
  ConvertArguments arguments;
  app.add_option("IN", arguments.in,
                 "Model folder, training run, a single .safetensors or .ckpt file, or BiomedCLIP's folder")
      ->required();
  app.add_option("OUT", arguments.out, "Folder, or FILE.safetensors for a single file")->required();
  app.add_option("--base", arguments.base,
                 "Model folder that gives a single file its configs, tokenizer and scheduler, or BiomedCLIP "
                 "its U-Net and VAE")
      ->type_name("DIR");
  app.add_option("--tokenizer", arguments.tokenizer, "Or its tokenizer alone: a folder, or CLIP's merges")
      ->type_name("PATH");
  app.add_option("--max-length", arguments.max_length,
                 "Tokens of BiomedCLIP's texts: 77, or the 256 it was trained with")
      ->capture_default_str()
      ->check(CLI::Range(2, 512));
  add_dtype(app, arguments.dtype);
  add_common_options(app, options, 0);
  if (const auto code = parse_options(app, options, argc, argv)) {
    return *code;
  }
  const ModelFolder model = read_any(arguments);
  write_any(arguments.out, model);
  report(arguments.out, model);
  return 0;
}

int model_export_command(int argc, char** argv) {
  CLI::App app(
      "Writes a training run's newest checkpoint as a model to pass on: no optimizer, no training state");
  CommonOptions options;
  ConvertArguments arguments;
  app.add_option("RUN", arguments.in, "Training run, or one of its checkpoints")->required();
  add_dtype(app, arguments.dtype);
  add_common_options(app, options, kTakesOut);
  app.get_option("--out")->required()->description("Folder, or FILE.safetensors for a single file");
  if (const auto code = parse_options(app, options, argc, argv)) {
    return *code;
  }
  const ModelFolder model = read_model_folder(arguments.in, arguments.stored());
  write_any(options.out, model);
  report(options.out, model);
  return 0;
}

}  // namespace medisyn
