// The same folder, prompts and seeds in diffusers' StableDiffusionPipeline (scripts/parity_pipeline.py).
#include <gtest/gtest.h>
#include <torch/types.h>

#include "../fresh_folder.h"
#include "../peers.h"
#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/io/safetensors.h"
#include "medisyn/pipeline/text_to_image.h"
#include "tiny_model.h"

namespace medisyn {
namespace {

/// One line of requests.jsonl, and the request.
ImageRequest request(const Json& line) {
  return {.text = line["text"],
          .negative =
              line["negative"].is_null() ? std::nullopt : std::optional(line["negative"].get<std::string>()),
          .seed = line["seed"],
          .scale = line["scale"],
          .guidance_rescale = line["guidance_rescale"],
          .size = parse_size(line["size"].get<std::string>(), "size"),
          .sampler = {.sampler = line["sampler"], .steps = line["steps"], .eta = line["eta"]}};
}

/// A request that every key can be changed of. "scheduler" holds what the model's own config is changed by.
Json line(const char* sampler, Json changes) {
  Json line{{"model", "sd"},
            {"tiled", false},
            {"sampler", sampler},
            {"steps", 10},
            {"scale", 5.0},
            {"eta", 0.0},
            {"text", "CT"},
            {"negative", ""},
            {"seed", 7},
            {"size", "32x32"},
            {"guidance_rescale", 0.0},
            {"scheduler", Json::object()}};
  line.update(changes);
  return line;
}

std::vector<Json> lines() {
  std::string long_text;
  for (int i = 0; i < 60; ++i) {
    long_text += "lung nodule ";
  }
  const Json karras{{"use_karras_sigmas", true}}, leading{{"timestep_spacing", "leading"}};
  const Json trailing{{"timestep_spacing", "trailing"}};
  const Json euler{{"_class_name", "EulerDiscreteScheduler"}, {"timestep_spacing", "leading"}};
  const Json zero_snr{{"_class_name", "DDIMScheduler"},
                      {"prediction_type", "v_prediction"},
                      {"timestep_spacing", "trailing"},
                      {"rescale_betas_zero_snr", true}};
  std::vector<Json> all{
      line("pndm", {{"scale", 7.5}, {"text", "CT of the lung, 5 µm"}}),
      line("pndm", {{"scale", 7.5}, {"text", "a mole"}, {"negative", "blurred"}, {"seed", 4294967295U}}),
      line("pndm", {{"scale", 1.0}, {"text", "MRI"}, {"seed", 3}, {"steps", 7}, {"size", "48x32"}}),
      line("pndm", {{"scheduler", euler}}),
      line("ddim", {{"text", long_text}, {"seed", 11}}),
      line("ddim", {{"text", ""}, {"seed", 12}, {"eta", 1.0}}),
      line("ddim", {{"seed", 13}, {"eta", 1.0}, {"guidance_rescale", 0.7}}),
      line("ddpm", {{"negative", "blurred"}}),
      line("ddpm", {{"scheduler", {{"_class_name", "DDPMScheduler"}, {"variance_type", "fixed_large"}}}}),
      line("euler", {{"scale", 7.5}}),
      line("euler", {{"scheduler", euler}, {"steps", 20}}),
      line("euler", {{"scheduler", trailing}, {"scale", 1.0}}),
      line("euler", {{"scheduler", karras}, {"guidance_rescale", 1.0}}),
      line("euler_a", {{"size", "48x32"}}),
      line("euler_a", {{"scheduler", leading}, {"scale", 7.5}}),
      line("dpmpp_2m", {{"scale", 7.5}}),
      line("dpmpp_2m", {{"scheduler", leading}, {"steps", 20}}),
      line("dpmpp_2m", {{"scheduler", karras}, {"steps", 20}}),
      line("dpmpp_2m", {{"scheduler",
                         {{"_class_name", "DPMSolverMultistepScheduler"},
                          {"solver_type", "heun"},
                          {"final_sigmas_type", "sigma_min"}}}}),
  };
  // SDXL: no negative prompt (zeros), an empty one (encoded), a wide picture, without guidance, in tiles.
  all.push_back(line("euler", {{"model", "xl"}, {"negative", nullptr}}));
  all.push_back(line("euler", {{"model", "xl"}, {"negative", ""}, {"size", "48x32"}}));
  all.push_back(line("ddim", {{"model", "xl"}, {"scale", 1.0}, {"negative", nullptr}}));
  all.push_back(line(
      "dpmpp_2m",
      {{"model", "xl"}, {"text", "a mole"}, {"negative", "blurred"}, {"tiled", true}, {"size", "64x48"}}));
  all.push_back(line("euler", {{"model", "xl_encodes"}, {"negative", nullptr}}));
  all.push_back(line("pndm", {{"tiled", true}, {"size", "96x40"}}));
  // BiomedCLIP's kind of text encoder, its padding masked.
  all.push_back(line("pndm", {{"model", "bert"}, {"text", "dermoscopy of a mole"}}));
  all.push_back(line("ddim", {{"model", "bert"}, {"negative", "blurred"}}));
  for (const char* sampler : {"ddim", "ddpm", "euler", "euler_a", "dpmpp_2m"}) {
    all.push_back(line(sampler, {{"scheduler", zero_snr}, {"guidance_rescale", 0.7}}));
  }
  return all;
}

/// The model's scheduler with a line's changes, written for the reference to read.
SchedulerConfig write_scheduler(const fs::path& folder, const SchedulerConfig& base, const Json& changes) {
  Json json = scheduler_to_json(base);
  json.update(changes);
  write_scheduler_config(folder,
                         config_from_node<SchedulerConfig>(parse_config_text(json.dump(), "changes")));
  return read_scheduler_config(folder);
}

/// A Recorder for a CPU.
std::function<void()> run_again(const std::function<void()>& run) { return run; }

void save_models(const fs::path& folder) {
  const fs::path data = MEDISYN_TEST_DATA, merges = data / "clip_small_merges.txt";
  save_stable_diffusion(folder / "sd", tiny_model(merges));
  StableDiffusion xl = tiny_xl_model(merges);
  save_stable_diffusion(folder / "xl", xl);
  xl.force_zeros_for_empty_prompt = false;
  save_stable_diffusion(folder / "xl_encodes", xl);
  save_stable_diffusion(folder / "bert",
                        tiny_bert_model(merges, data / "bert_small_vocab.txt", folder / "bert_vocabulary"));
}

TEST(Parity, LatentsAndImagesAreThoseOfDiffusers) {
  if (peers_python().empty()) {
    GTEST_SKIP() << "no diffusers here: scripts/setup_peers.sh makes .venv-peers";
  }
  const fs::path folder = fresh_folder();
  save_models(folder);
  TensorMap results;
  const auto requests = lines();
  for (std::size_t i = 0; i < requests.size(); ++i) {
    StableDiffusion model = load_stable_diffusion(folder / requests[i]["model"].get<std::string>());
    model.scheduler =
        write_scheduler(folder / "schedulers" / std::to_string(i), model.scheduler, requests[i]["scheduler"]);
    TextToImage drawer(std::move(model), torch::kCPU, torch::kFloat,
                       requests[i]["tiled"] ? VaeTiling::kAlways : VaeTiling::kNever,
                       i % 2 == 0 ? Recorder(run_again) : Recorder());
    const auto drawn = drawer.draw(std::vector{request(requests[i])}, 1);
    results[fmt::format("latents.{}", i)] = drawn->latents;
    results[fmt::format("images.{}", i)] = drawn->images;
  }
  write_jsonl(folder / "requests.jsonl", requests);
  write_safetensors(folder / "results.safetensors", results);
  EXPECT_EQ(run_peer("parity_pipeline.py", folder), 0);
}

}  // namespace
}  // namespace medisyn
