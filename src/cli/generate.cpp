// medisyn generate: prompts -> PNGs and metadata.jsonl.
#include <fmt/ranges.h>
#include <torch/types.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "generation_arguments.h"
#include "generation_folder.h"
#include "generation_shards.h"
#include "generation_share.h"
#include "generation_sheets.h"
#include "launch.h"
#include "medisyn/cli/commands.h"
#include "medisyn/cli/options.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/interrupt.h"
#include "medisyn/core/log.h"
#include "medisyn/core/memory.h"
#include "medisyn/core/progress.h"
#include "medisyn/data/manifest.h"
#include "medisyn/dist/cuda.h"
#include "medisyn/dist/device.h"
#include "medisyn/dist/ranks.h"
#include "medisyn/pipeline/model_index.h"
#include "medisyn/text/encoding.h"

namespace medisyn {
namespace {

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
  const PromptSource& source = arguments.source;
  if (source.prompt) {
    config["prompt"] = *source.prompt;
  } else {
    config["prompts"] = source.file.string();
    config["template"] = source.text_template;
    config["where"] = source.where;
    config["sample"] = source.sample;
  }
  config["sampler"] = generation.sampler;
  config["steps"] = generation.steps;
  config["scale"] = generation.scale;
  config["guidance_rescale"] = generation.guidance_rescale;
  config["eta"] = generation.eta;
  config["negative"] = generation.negative ? Json(*generation.negative) : Json();
  config["n"] = generation.n;
  config["seed"] = generation.seed;
  config["size"] = format_size(generation.size);
  config["batch"] = batch;
  config["sweep"] = {{"scale", generation.sweep.scales}, {"steps", generation.sweep.steps}};
  config["vae_tiling"] = arguments.vae_tiling;
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
  return sha256_hex(fmt::format("{} batch {} {} {} tiling {} latents {} stripped {}", rows.dump(), batch,
                                c10::DeviceTypeName(device.type(), true), arguments.common.dtype,
                                arguments.vae_tiling, arguments.generation.save_latents,
                                arguments.generation.strip_metadata));
}

/// What the drawing gave; no share when it was interrupted.
std::optional<Share> draw_images(TextToImage& pipeline, GenerationFolder& folder,
                                 const std::vector<std::vector<std::size_t>>& batches,
                                 std::int64_t batch_size) {
  const auto start = std::chrono::steady_clock::now();
  Share share;
  std::vector<std::vector<std::size_t>> missing;
  std::int64_t images = 0;
  for (const auto& batch : batches) {
    if (folder.has_batch(batch)) {
      share.found += batch.size();
      continue;
    }
    share.found += static_cast<std::size_t>(
        std::count_if(batch.begin(), batch.end(), [&](std::size_t i) { return folder.has_image(i); }));
    missing.push_back(batch);
    images += std::ssize(batch);
  }
  Progress progress("generate", images, "images");
  for (const auto& batch : missing) {
    std::vector<ImageRequest> requests;
    for (const std::size_t i : batch) {
      requests.push_back(folder.images()[i].request);
    }
    std::int64_t step = 0;
    const auto after_step = [&] {
      progress.update(static_cast<std::int64_t>(share.made), fmt::format("step {}", ++step));
      return !interrupted();
    };
    const auto drawn = interrupted() ? std::nullopt : pipeline.draw(requests, batch_size, after_step);
    if (!drawn) {
      return std::nullopt;
    }
    folder.write_batch(batch, *drawn);
    share.made += batch.size();
    progress.update(static_cast<std::int64_t>(share.made));
  }
  progress.finish();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  share.images_per_second = static_cast<double>(share.made) / seconds.count();
  share.broken = folder.broken();
  share.vae_upcast = pipeline.decoder().upcast_images();
  share.vae_tiled = pipeline.decoder().tiled_images();
  return share;
}

void report_broken(const GenerationFolder& folder, const std::vector<std::string>& broken) {
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

/// True when each image is there or known to be broken.
bool is_whole(const GenerationFolder& folder, const std::vector<std::string>& broken) {
  const std::set<std::string> names(broken.begin(), broken.end());
  for (std::size_t i = 0; i < folder.images().size(); ++i) {
    if (!folder.has_image(i) && !names.contains(folder.images()[i].row["file_name"])) {
      return false;
    }
  }
  return true;
}

/// Everything of the run when this rank is the last one, nothing while others are at work.
std::optional<Share> whole_run(const GenerationFolder& folder, const Rank& rank, const Share& share) {
  if (rank.world == 1) {
    return share;
  }
  write_share(folder.path(), rank, share);
  const auto all = read_shares(folder.path(), rank.world);
  const bool closes = all && is_whole(folder, all->broken) && claim_closing(folder.path());
  return closes ? all : std::nullopt;
}

Json metrics_of(const GenerationFolder& folder, const Share& share, std::size_t truncated) {
  Json metrics = Json::object();
  metrics["images"] = folder.images().size() - share.broken.size();
  metrics["made"] = share.made - share.broken.size();
  metrics["found"] = share.found;
  metrics["broken"] = share.broken;
  metrics["truncated_texts"] = truncated;
  metrics["vae_upcast"] = share.vae_upcast;
  metrics["vae_tiled"] = share.vae_tiled;
  metrics["images_per_second"] = share.images_per_second;
  return metrics;
}

/// Takes from the model what the command line leaves open.
void resolve_options(GenerateArguments& arguments, const TextToImage& pipeline) {
  GenerationOptions& generation = arguments.generation;
  const StableDiffusion& model = pipeline.model();
  generation.sampler = arguments.sampler.empty() ? default_sampler(model.scheduler) : arguments.sampler;
  generation.size = arguments.size.empty() ? pipeline.default_size() : parse_size(arguments.size, "--size");
  config_of_sampler(model.scheduler, generation.sampler);
  if (!model.second) {  // only SDXL tells no negative prompt from an empty one
    generation.negative = generation.negative.value_or("");
  }
  if (generation.eta > 0 && generation.sampler != "ddim") {
    fail("--eta {}: only ddim's noise can be set, and the sampler is {}", generation.eta, generation.sampler);
  }
}

/// Writes what stands beside the images once all are there.
void close_run(const GenerationFolder& folder, const std::vector<std::vector<std::size_t>>& batches,
               const GenerateArguments& arguments, const Share& share) {
  const Sweep& sweep = arguments.generation.sweep;
  report_broken(folder, share.broken);
  folder.remove_leftovers();
  folder.write_metadata();
  folder.write_latents(batches);
  if (sweep.is_empty()) {
    write_contact_sheet(folder);
  } else {
    write_sweep(folder, sweep);
  }
  if (arguments.shards) {
    write_shards(folder, *arguments.shards);
  }
  remove_shares(folder.path());
}

/// Batches are cut from the whole list before ranks are considered: this rank's are every world-th one.
std::vector<std::vector<std::size_t>> share_of(const std::vector<std::vector<std::size_t>>& batches,
                                               const Rank& rank) {
  std::vector<std::vector<std::size_t>> share;
  for (auto i = static_cast<std::size_t>(rank.rank); i < batches.size();
       i += static_cast<std::size_t>(rank.world)) {
    share.push_back(batches[i]);
  }
  return share;
}

/// On a GPU a step is a CUDA graph.
Recorder recorder_for(const torch::Device& device) {
  if (!device.is_cuda()) {
    return {};
  }
  return [device](const std::function<void()>& run) {
    try {
      return record_cuda_graph(device, run);
    } catch (const c10::Error& error) {
      log_warning("{}: the steps cannot be recorded as a CUDA graph and run one by one, more slowly: {}",
                  device.str(), error.what_without_backtrace());
      return run;
    }
  };
}

int generate(GenerateArguments& arguments, const Rank& rank, const std::string& command) {
  const CommonOptions& common = arguments.common;
  GenerationOptions& generation = arguments.generation;
  set_quiet(common.quiet || rank.rank != 0);  // the others would say the same
  RunRecord record("medisyn generate");
  const PromptList list = read_prompt_list(arguments.source);
  const fs::path model_folder = resolve_model_folder(arguments.model);
  const torch::Device device = pick_device(common.device, rank.local_rank);
  TextToImage pipeline(load_stable_diffusion(model_folder), device, parse_dtype(common.dtype),
                       parse_vae_tiling(arguments.vae_tiling), recorder_for(device));
  const std::string model_hash = model_sha256(model_folder);

  resolve_options(arguments, pipeline);
  auto images = plan_images(list.prompts, generation, model_hash);
  check_requests(images, pipeline, generation.save_latents);
  const std::int64_t batch = arguments.batch.value_or(
      std::min<std::int64_t>(kDefaultBatch, static_cast<std::int64_t>(images.size())));
  const std::size_t truncated = report_truncation(images, pipeline.model().tokenizer);
  log_info("{} images of {} prompts: {}, scale {}, {} steps, {}, batches of {}, {} {}", images.size(),
           list.prompts.size(), generation.sampler, generation.scale, generation.steps,
           format_size(generation.size), batch, device.str(), common.dtype);
  if (common.dry_run) {
    log_info("nothing wrong found; nothing was written");
    return 0;
  }

  record.config = config_of(arguments, batch, model_hash);
  record.add_input(model_folder);
  if (!arguments.source.prompt) {
    record.add_input(arguments.source.file);
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
  remove_share(common.out, rank);  // of an earlier run that was broken off
  const auto share = draw_images(pipeline, folder, share_of(batches, rank), batch);
  if (!share) {
    if (rank.world == 1) {
      folder.write_metadata();
      log_warning("interrupted: the images made so far are whole; go on with: {}", command);
    }
    return interrupt_exit_code();
  }
  const auto all = whole_run(folder, rank, *share);
  if (!all) {
    log_info("rank {} of {} has done its share", rank.rank, rank.world);
    return 0;
  }
  set_quiet(common.quiet);
  close_run(folder, batches, arguments, *all);
  record.metrics = metrics_of(folder, *all, truncated);
  record.write(common.out);
  log_info("{}: {} images, {}, metadata.jsonl", common.out.string(),
           folder.images().size() - all->broken.size(),
           generation.sweep.is_empty() ? "contact_sheet.png" : "sweep/, sweep.csv");
  if (common.json) {
    fmt::print("{}\n", record.to_json().dump());
  }
  return 0;
}

/// Starts the ranks and says how they ended.
int launch(const CommonOptions& common, int argc, char** argv, const std::string& command) {
  std::vector<std::string> arguments{"medisyn", "generate"};
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  remove_shares(common.out);
  const std::vector<RankEnd> ends = run_ranks(common.nproc, arguments);
  if (interrupted()) {
    log_warning("interrupted: the images made so far are whole; go on with: {}", command);
    return interrupt_exit_code();
  }
  const std::vector<std::string> failures = describe_failures(ends);
  if (failures.empty()) {
    return 0;
  }
  for (const std::string& failure : failures) {
    log_warning("{}", failure);
  }
  const auto has_fault = [](const RankEnd& end) { return !end.is_good() && end.exit_code != 2; };
  const bool is_fault = std::any_of(ends.begin(), ends.end(), has_fault);
  log_warning("what the others made is whole; the missing images are made by the same command: {}", command);
  return is_fault ? 1 : 2;
}

}  // namespace

int generate_command(int argc, char** argv) {
  CLI::App app("Draws images of prompts: PNGs, metadata.jsonl, contact_sheet.png.");
  GenerateArguments arguments;
  add_generate_options(app, arguments);
  const std::string command = typed_command(argc, argv);
  if (const auto code = parse_options(app, arguments.common, argc, argv)) {
    return *code;
  }
  check_arguments(arguments);
  use_large_pages();
  if (is_launched_rank()) {
    end_with_launcher();
  } else if (arguments.common.nproc > 1 && !arguments.common.dry_run) {
    return launch(arguments.common, argc, argv, command);
  }
  return generate(arguments, this_rank(), command);
}

}  // namespace medisyn
