#include "generation_arguments.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "medisyn/core/error.h"
#include "medisyn/diffusion/sampler.h"
#include "medisyn/pipeline/latent_decoder.h"

namespace medisyn {
namespace {

void check_range(const char* option, double value, double least, double most) {
  if (!(value >= least && value <= most)) {
    fail("{}: expected a number from {} to {}, found {}", option, least, most, value);
  }
}

}  // namespace

void add_generate_options(CLI::App& app, GenerateArguments& arguments) {
  GenerationOptions& generation = arguments.generation;
  app.add_option("--model", arguments.model, "Model folder, or a training run (its newest checkpoint)")
      ->required()
      ->type_name("DIR");
  app.add_option("--prompts", arguments.source.file, "Prompts: .txt, .csv, .jsonl, or a manifest")
      ->type_name("FILE");
  app.add_option("--prompt", arguments.source.prompt, "One prompt")->type_name("TEXT");
  app.add_option("--template", arguments.source.text_template,
                 "Prompts made of the columns of --prompts: \"Dermoscopy image showing {disease}\"")
      ->type_name("TEXT");
  app.add_option("--n", generation.n, "Images of each prompt; image k has seed + k")->capture_default_str();
  app.add_option("--sampler", arguments.sampler,
                 fmt::format("{} (default: the model's own)", fmt::join(sampler_names(), ", ")));
  app.add_option("--steps", generation.steps, "Steps of the sampler")->capture_default_str();
  app.add_option("--scale", generation.scale, "Classifier-free guidance; up to 1: none")
      ->capture_default_str();
  app.add_option("--guidance-rescale", generation.guidance_rescale,
                 "How far guidance keeps the contrast of the unguided picture, 0 to 1")
      ->capture_default_str();
  app.add_option("--eta", generation.eta, "Noise of ddim, 0 to 1")->capture_default_str();
  app.add_option("--negative", generation.negative, "What the images should not show")->type_name("TEXT");
  app.add_option("--size", arguments.size, "Pixels (default: what the model was trained with)")
      ->type_name("WIDTHxHEIGHT");
  app.add_option("--batch", arguments.batch,
                 fmt::format("Images drawn at once (default: up to {})", kDefaultBatch));
  app.add_option("--sweep", arguments.sweep,
                 "Draw every image with each of these: scale=1.5,3,5 steps=20,50; grids in sweep/, sweep.csv")
      ->expected(1, 2)
      ->type_name("KEY=VALUES");
  app.add_option("--vae-tiling", arguments.vae_tiling,
                 "Decode large images in tiles: auto (when memory is short), always or never")
      ->capture_default_str();
  app.add_option("--shards", arguments.shards,
                 "Pack the images into WebDataset shards of N too: shards/00000.tar")
      ->type_name("N");
  app.add_flag("--save-latents", generation.save_latents, "Write latents.safetensors too");
  app.add_flag("--strip-metadata", generation.strip_metadata, "No prompt or parameters inside the PNG files");
  app.add_flag("--unconditional", generation.unconditional,
               "Draw every prompt as the empty one (a control: metadata keeps the text asked for)");
  add_common_options(app, arguments.common,
                     kTakesOut | kTakesDevice | kTakesSeed | kTakesWhere | kTakesDryRun | kTakesNproc);
}

void check_arguments(GenerateArguments& arguments) {
  GenerationOptions& generation = arguments.generation;
  PromptSource& source = arguments.source;
  if (source.file.empty() == !source.prompt.has_value()) {
    fail("medisyn generate: expected either --prompts FILE or --prompt TEXT");
  }
  if (arguments.common.out.empty()) {
    fail("medisyn generate: expected --out DIR");
  }
  check_range("--n", static_cast<double>(generation.n), 1, 1e8);
  check_range("--steps", static_cast<double>(generation.steps), 1, 1e6);
  check_range("--scale", generation.scale, 0, 1000);
  check_range("--guidance-rescale", generation.guidance_rescale, 0, 1);
  check_range("--eta", generation.eta, 0, 1);
  check_range("--shards", static_cast<double>(arguments.shards.value_or(1)), 1, 1e8);
  check_range("--batch", static_cast<double>(arguments.batch.value_or(kDefaultBatch)), 1, 1e5);
  if (!source.prompt && !fs::exists(source.file)) {
    source.file = find_config(source.file);
  }
  if (source.prompt && !source.text_template.empty()) {
    fail("--template: takes the columns of --prompts FILE, and --prompt is a text");
  }
  generation.sweep = parse_sweep(arguments.sweep);
  parse_vae_tiling(arguments.vae_tiling);
  source.where = arguments.common.where;
  source.sample = arguments.common.sample;
  source.seed = arguments.common.seed;
  const std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  generation.seed = checked_seed(static_cast<std::int64_t>(std::min(arguments.common.seed, most)), "--seed");
}

}  // namespace medisyn
