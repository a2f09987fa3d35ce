// medisyn model init: a description -> a model folder of random weights.
#include <filesystem>

#include "medisyn/cli/model_commands.h"
#include "medisyn/cli/options.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/core/random_key.h"
#include "medisyn/dist/device.h"
#include "medisyn/pipeline/model_folder.h"

namespace medisyn {

int model_init_command(int argc, char** argv) {
  CLI::App app(
      "Writes a model folder with random weights, as the reference libraries draw them, for a training from "
      "scratch");
  CommonOptions options;
  std::string config_name;
  fs::path tokenizer;
  std::string dtype = "fp32";
  app.add_option("--config", config_name, "Description of the model: models/sd14.yaml, models/sdxl.yaml")
      ->required()
      ->type_name("FILE");
  app.add_option("--tokenizer", tokenizer,
                 "Tokenizer folder, or CLIP's merges (bpe_simple_vocab_16e6.txt.gz)")
      ->required()
      ->type_name("PATH");
  app.add_option("--dtype", dtype, "How weights are stored: fp32, bf16 or fp16")->capture_default_str();
  add_common_options(app, options, kTakesOut | kTakesSet | kTakesSeed);
  app.get_option("--out")->required();
  if (const auto code = parse_options(app, options, argc, argv)) {
    return *code;
  }
  const torch::ScalarType stored = parse_dtype(dtype);
  const ModelDescription description = read_model_description(find_config(config_name), options.set);
  ModelFolder model = empty_model_folder(description, read_tokenizer(tokenizer));
  std::uint64_t number = 0;
  for (const auto& [name, config] : description.components) {
    Component component =
        random_component(description.classes.at(name), config, random_key({options.seed, ++number}));
    component.module->to(stored);
    model.components.emplace(name, std::move(component));
  }
  write_model_folder(options.out, model);
  log_info("{}: {} with random weights; `medisyn model inspect {}` lists it", options.out.string(),
           description.pipeline, options.out.string());
  return 0;
}

}  // namespace medisyn
