// medisyn generate: prompts -> PNGs and metadata.jsonl.
#include <fmt/ranges.h>
#include <torch/types.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "generation.h"
#include "medisyn/cli/commands.h"
#include "medisyn/cli/options.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/interrupt.h"
#include "medisyn/core/log.h"
#include "medisyn/core/progress.h"
#include "medisyn/data/filter.h"
#include "medisyn/data/manifest.h"
#include "medisyn/data/sample.h"
#include "medisyn/dist/device.h"
#include "medisyn/pipeline/model_index.h"

namespace medisyn {
namespace {

constexpr std::int64_t kDefaultBatch = 4;
constexpr std::size_t kNamedAtMost = 3;  ///< texts or files named in a warning

struct GenerateArguments {
  fs::path model;
  fs::path prompts;
  std::optional<std::string> prompt;
  std::string sampler;
  std::string size;
  std::optional<std::int64_t> batch;
  GenerationOptions generation;
  CommonOptions common;
};

void add_options(CLI::App& app, GenerateArguments& arguments) {
  GenerationOptions& generation = arguments.generation;
  app.add_option("--model", arguments.model, "Model folder, or a training run (its newest checkpoint)")
      ->required()
      ->type_name("DIR");
  app.add_option("--prompts", arguments.prompts, "Prompts: .txt, .csv, .jsonl, or a manifest")
      ->type_name("FILE");
  app.add_option("--prompt", arguments.prompt, "One prompt")->type_name("TEXT");
  app.add_option("--n", generation.n, "Images of each prompt; image k has seed + k")->capture_default_str();
  app.add_option("--sampler", arguments.sampler,
                 fmt::format("{} (default: the model's own)", fmt::join(sampler_names(), " or ")));
  app.add_option("--steps", generation.steps, "Steps of the sampler")->capture_default_str();
  app.add_option("--scale", generation.scale, "Classifier-free guidance; up to 1: none")
      ->capture_default_str();
  app.add_option("--eta", generation.eta, "Noise of ddim, 0 to 1")->capture_default_str();
  app.add_option("--negative", generation.negative, "What the images should not show")->type_name("TEXT");
  app.add_option("--size", arguments.size, "Pixels (default: what the model was trained with)")
      ->type_name("WIDTHxHEIGHT");
  app.add_option("--batch", arguments.batch,
                 fmt::format("Images drawn at once (default: up to {})", kDefaultBatch));
  app.add_flag("--save-latents", generation.save_latents, "Write latents.safetensors too");
  app.add_flag("--strip-metadata", generation.strip_metadata, "No prompt or parameters inside the PNG files");
  app.add_flag("--unconditional", generation.unconditional,
               "Draw every prompt as the empty one (a control: metadata keeps the text asked for)");
  add_common_options(app, arguments.common,
                     kTakesOut | kTakesDevice | kTakesSeed | kTakesWhere | kTakesDryRun);
}

void check_range(const char* option, double value, double least, double most) {
  if (!(value >= least && value <= most)) {
    fail("{}: expected a number from {} to {}, found {}", option, least, most, value);
  }
}

void check_arguments(GenerateArguments& arguments) {
  GenerationOptions& generation = arguments.generation;
  if (arguments.prompts.empty() == !arguments.prompt.has_value()) {
    fail("medisyn generate: expected either --prompts FILE or --prompt TEXT");
  }
  if (arguments.common.out.empty()) {
    fail("medisyn generate: expected --out DIR");
  }
  check_range("--n", static_cast<double>(generation.n), 1, 1e8);
  check_range("--steps", static_cast<double>(generation.steps), 1, 1e6);
  check_range("--scale", generation.scale, 0, 1000);
  check_range("--eta", generation.eta, 0, 1);
  check_range("--batch", static_cast<double>(arguments.batch.value_or(kDefaultBatch)), 1, 1e5);
  const std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  generation.seed = checked_seed(static_cast<std::int64_t>(std::min(arguments.common.seed, most)), "--seed");
}

/// The prompts, and the drawn manifest where --where or --sample chose among records.
struct PromptList {
  std::vector<Prompt> prompts;
  std::optional<Manifest> drawn;
};

PromptList read_prompt_list(const GenerateArguments& arguments) {
  if (arguments.prompt) {
    return {.prompts = {Prompt{.text = *arguments.prompt}}, .drawn = {}};
  }
  const CommonOptions& common = arguments.common;
  const bool chooses = !common.where.empty() || common.sample != 0;
  const bool is_folder = fs::is_directory(arguments.prompts);
  if (!chooses && !is_folder) {
    return {.prompts = read_prompts(arguments.prompts), .drawn = {}};
  }
  if (!is_folder && arguments.prompts.extension() != ".jsonl") {
    fail("{}: --where and --sample choose among a manifest's records: expected a folder or a .jsonl file",
         arguments.prompts.string());
  }
  PromptList list{.prompts = {}, .drawn = filtered(read_manifest(arguments.prompts), common.where)};
  list.drawn = sample(*list.drawn, common.sample, common.seed);
  bool has_text = false;
  for (const Record& record : list.drawn->records) {
    list.prompts.push_back({.text = record.text, .is_record = true});
    has_text = has_text || !record.text.empty();
  }
  if (!has_text) {
    fail("{}: none of its {} records has a text to draw", arguments.prompts.string(), list.prompts.size());
  }
  return list;
}

/// How many prompts the tokenizer cuts; each is a warning, the first few by name.
std::size_t report_truncation(const std::vector<PlannedImage>& images, const Tokenizer& tokenizer) {
  std::set<std::string> texts;
  for (const PlannedImage& image : images) {
    texts.insert(image.request.text);
    texts.insert(image.request.negative);
  }
  std::size_t cut = 0;
  for (const std::string& text : texts) {
    const Encoding encoding = tokenizer.encode_with_loss(text);
    if (encoding.lost_tokens > 0 && ++cut <= kNamedAtMost) {
      log_warning("\"{}...\": longer than the {} tokens of the model; not seen by it: \"{}\"",
                  beginning(text, 40), tokenizer.model_max_length(), beginning(encoding.lost_text, 200));
    }
  }
  if (cut > kNamedAtMost) {
    log_warning("{} texts in all are longer than the {} tokens of the model", cut,
                tokenizer.model_max_length());
  }
  return cut;
}

/// Errors of sizes and steps before anything is drawn.
void check_requests(const std::vector<PlannedImage>& images, const TextToImage& pipeline, bool save_latents) {
  const SchedulerConfig& scheduler = pipeline.model().scheduler;
  for (const PlannedImage& image : images) {
    const std::string where = fmt::format("prompt {} \"{}\"", image.prompt + 1,
                                          beginning(image.row["text"].get_ref<const std::string&>(), 40));
    const ImageRequest& request = image.request;
    pipeline.check_size(request.size, where);
    denoiser_calls(config_of_sampler(scheduler, request.sampler.sampler), request.sampler);
    if (save_latents && request.size != images.front().request.size) {
      fail("{}: --save-latents needs images of one size, found {} and {}", where,
           format_size(images.front().request.size), format_size(request.size));
    }
  }
}

Json config_of(const GenerateArguments& arguments, std::int64_t batch, const std::string& model_hash) {
  const GenerationOptions& generation = arguments.generation;
  Json config = Json::object();
  config["model"] = arguments.model.string();
  config["model_sha256"] = model_hash;
  if (arguments.prompt) {
    config["prompt"] = *arguments.prompt;
  } else {
    config["prompts"] = arguments.prompts.string();
    config["where"] = arguments.common.where;
    config["sample"] = arguments.common.sample;
  }
  config["sampler"] = generation.sampler;
  config["steps"] = generation.steps;
  config["scale"] = generation.scale;
  config["eta"] = generation.eta;
  config["negative"] = generation.negative;
  config["n"] = generation.n;
  config["seed"] = generation.seed;
  config["size"] = format_size(generation.size);
  config["batch"] = batch;
  config["unconditional"] = generation.unconditional;
  config["save_latents"] = generation.save_latents;
  config["strip_metadata"] = generation.strip_metadata;
  config["device"] = arguments.common.device;
  config["dtype"] = arguments.common.dtype;
  return config;
}

/// One hash for everything that the pictures' bytes depend on: a folder with the same one holds the same run.
std::string identity_of(const std::vector<PlannedImage>& images, const GenerateArguments& arguments,
                        std::int64_t batch, const torch::Device& device) {
  Json rows = Json::array();
  for (const PlannedImage& image : images) {
    rows.push_back(image.row);
  }
  return sha256_hex(fmt::format("{} batch {} {} {} latents {} stripped {}", rows.dump(), batch,
                                c10::DeviceTypeName(device.type(), true), arguments.common.dtype,
                                arguments.generation.save_latents, arguments.generation.strip_metadata));
}

/// What the drawing gave.
struct Outcome {
  std::size_t made = 0;
  double seconds = 0;
  bool whole = false;  ///< not interrupted
};

Outcome draw_images(TextToImage& pipeline, GenerationFolder& folder,
                    const std::vector<std::vector<std::size_t>>& batches, std::int64_t batch_size) {
  const auto start = std::chrono::steady_clock::now();
  std::size_t missing = 0;
  for (const auto& batch : batches) {
    missing += folder.has_batch(batch) ? 0 : batch.size();
  }
  Progress progress("generate", static_cast<std::int64_t>(missing), "images");
  Outcome outcome;
  for (const auto& batch : batches) {
    if (folder.has_batch(batch)) {
      continue;
    }
    std::vector<ImageRequest> requests;
    for (const std::size_t i : batch) {
      requests.push_back(folder.images()[i].request);
    }
    const auto drawn =
        interrupted() ? std::nullopt : pipeline.draw(requests, batch_size, [] { return !interrupted(); });
    if (!drawn) {
      return outcome;
    }
    folder.write_batch(batch, *drawn);
    outcome.made += batch.size();
    progress.update(static_cast<std::int64_t>(outcome.made));
  }
  progress.finish();
  outcome.whole = true;
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return outcome;
}

void report_broken(const GenerationFolder& folder) {
  const auto& broken = folder.broken();
  if (broken.empty()) {
    return;
  }
  const std::vector<std::string> named(broken.begin(),
                                       broken.begin() + std::min<std::ptrdiff_t>(10, std::ssize(broken)));
  log_warning("{} of {} images came out as NaN or infinity and were not saved: {}{}", broken.size(),
              folder.images().size(), fmt::join(named, ", "), broken.size() > named.size() ? ", ..." : "");
  if (broken.size() == folder.images().size()) {
    fail("{}: not one image is finite: the model is broken, or too coarse a --dtype (try fp32)",
         folder.path().string());
  }
}

Json metrics_of(const GenerationFolder& folder, const Outcome& outcome, std::size_t truncated) {
  Json metrics = Json::object();
  metrics["images"] = folder.images().size() - folder.broken().size();
  metrics["made"] = outcome.made - folder.broken().size();
  metrics["found"] = folder.found();
  metrics["broken"] = folder.broken();
  metrics["truncated_texts"] = truncated;
  metrics["images_per_second"] = outcome.made > 0 ? static_cast<double>(outcome.made) / outcome.seconds : 0;
  return metrics;
}

/// The command as it was typed, quotes put back where a word needs them.
std::string typed(int argc, char** argv) {
  std::string command;
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    const bool plain =
        i == 0 || (!word.empty() && word.find_first_of(" \t\"'$&|;<>()*?#~`\\") == std::string::npos);
    std::string quoted = plain ? word : "'";
    for (const char c : plain ? std::string() : word) {
      quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    command += (i > 0 ? " " : "") + quoted + (plain ? "" : "'");
  }
  return command;
}

int generate(GenerateArguments& arguments, const std::string& command) {
  const CommonOptions& common = arguments.common;
  GenerationOptions& generation = arguments.generation;
  RunRecord record("medisyn generate");
  const PromptList list = read_prompt_list(arguments);
  const fs::path model_folder = resolve_model_folder(arguments.model);
  const torch::Device device = pick_device(common.device);
  TextToImage pipeline(load_stable_diffusion(model_folder), device, parse_dtype(common.dtype));
  const std::string model_hash = model_sha256(model_folder);

  const StableDiffusion& model = pipeline.model();
  generation.sampler = arguments.sampler.empty() ? default_sampler(model.scheduler) : arguments.sampler;
  generation.size = arguments.size.empty() ? pipeline.default_size() : parse_size(arguments.size, "--size");
  config_of_sampler(model.scheduler, generation.sampler);
  if (generation.eta > 0 && generation.sampler != "ddim") {
    fail("--eta {}: only ddim adds noise, and the sampler is {}", generation.eta, generation.sampler);
  }
  auto images = plan_images(list.prompts, generation, model_hash);
  check_requests(images, pipeline, generation.save_latents);
  const std::int64_t batch = arguments.batch.value_or(
      std::min<std::int64_t>(kDefaultBatch, static_cast<std::int64_t>(images.size())));
  const std::size_t truncated = report_truncation(images, model.tokenizer);
  log_info("{} images of {} prompts: {}, scale {}, {} steps, {}, batches of {}, {} {}", images.size(),
           list.prompts.size(), generation.sampler, generation.scale, generation.steps,
           format_size(generation.size), batch, device.str(), common.dtype);
  if (common.dry_run) {
    log_info("nothing wrong found; nothing was written");
    return 0;
  }

  record.config = config_of(arguments, batch, model_hash);
  record.add_input(model_folder);
  if (!arguments.prompt) {
    record.add_input(arguments.prompts);
  }
  std::vector<ImageRequest> requests;
  for (const PlannedImage& image : images) {
    requests.push_back(image.request);
  }
  const auto batches = plan_batches(requests, batch);
  const std::string identity = identity_of(images, arguments, batch, device);
  GenerationFolder folder(common.out, std::move(images), record.config, identity, generation.save_latents,
                          generation.strip_metadata);
  if (folder.found() > 0) {
    log_info("{}: {} images of this run are there already", common.out.string(), folder.found());
  }
  if (list.drawn) {
    write_manifest_file(common.out / "sample.jsonl", *list.drawn);
  }
  const Outcome outcome = draw_images(pipeline, folder, batches, batch);
  folder.write_metadata();
  if (!outcome.whole) {
    log_warning("interrupted: the images made so far are whole; go on with: {}", command);
    return interrupt_exit_code();
  }
  report_broken(folder);
  folder.write_latents(batches);
  folder.write_contact_sheet();
  record.metrics = metrics_of(folder, outcome, truncated);
  record.write(common.out);
  log_info("{}: {} images, contact_sheet.png, metadata.jsonl", common.out.string(),
           folder.images().size() - folder.broken().size());
  if (common.json) {
    fmt::print("{}\n", record.to_json().dump());
  }
  return 0;
}

}  // namespace

int generate_command(int argc, char** argv) {
  CLI::App app("Draws images of prompts: PNGs, metadata.jsonl, contact_sheet.png.");
  GenerateArguments arguments;
  add_options(app, arguments);
  const std::string command = typed(argc, argv);
  if (const auto code = parse_options(app, arguments.common, argc, argv)) {
    return *code;
  }
  check_arguments(arguments);
  return generate(arguments, command);
}

}  // namespace medisyn
