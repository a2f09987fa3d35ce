#include "eval_checkpoints.h"

#include <algorithm>
#include <set>

#include "medisyn/cli/commands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/log.h"
#include "medisyn/dist/device.h"
#include "medisyn/dist/ranks.h"
#include "medisyn/eval/fid.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/train/checkpoint.h"

namespace medisyn {
namespace {

struct Candidate {
  fs::path folder;
  std::string name;  ///< RUN-step-N
  std::string run;
  std::int64_t step = 0;
  std::int64_t epoch = 0;
  double fid = 0;
  double kid = 0;
};

/// Of the last line of RUN/metrics.jsonl that the checkpoint has seen.
std::int64_t epoch_at(const fs::path& run, std::int64_t step) {
  std::int64_t epoch = 0;
  for (const Json& line : read_jsonl(run / "metrics.jsonl")) {
    if (line.value("step", std::int64_t{0}) <= step) {
      epoch = std::max(epoch, line.value("epoch", std::int64_t{0}));
    }
  }
  return epoch;
}

std::vector<Candidate> find_candidates(const std::vector<fs::path>& runs) {
  std::vector<Candidate> candidates;
  std::set<std::string> names;
  for (const fs::path& path : runs) {
    const fs::path run = fs::weakly_canonical(path);
    const std::string name = run.filename().string();
    if (!names.insert(name).second) {
      fail("--checkpoints: two runs are called {}: the table could not tell them apart", name);
    }
    const auto checkpoints = complete_checkpoints(run);
    if (checkpoints.empty()) {
      fail("--checkpoints {}: expected a run of medisyn train with a complete checkpoint", path.string());
    }
    for (const Checkpoint& one : checkpoints) {
      candidates.push_back({.folder = one.folder,
                            .name = fmt::format("{}-step-{}", name, one.step),
                            .run = path.string(),
                            .step = one.step,
                            .epoch = epoch_at(run, one.step)});
    }
  }
  return candidates;
}

/// What `medisyn generate` is given.
std::vector<std::string> generation_arguments(const CheckpointsOptions& options, const CommonOptions& common,
                                              const Candidate& candidate, const fs::path& prompts) {
  std::vector<std::string> words = {"medisyn generate",
                                    "--model",
                                    candidate.folder.string(),
                                    "--prompts",
                                    prompts.string(),
                                    "--out",
                                    (common.out / "images" / candidate.name).string(),
                                    "--steps",
                                    std::to_string(options.steps),
                                    "--scale",
                                    fmt::format("{}", options.scale),
                                    "--batch",
                                    std::to_string(options.batch),
                                    "--seed",
                                    std::to_string(common.seed),
                                    "--device",
                                    common.device,
                                    "--nproc",
                                    std::to_string(common.nproc)};
  for (const auto& [flag, value] : {std::pair{"--sampler", options.sampler}, {"--size", options.size}}) {
    if (!value.empty()) {
      words.insert(words.end(), {flag, value});
    }
  }
  return words;
}

/// The exit code of generate.
int draw(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = arguments;
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  return generate_command(static_cast<int>(argv.size()), argv.data());
}

std::size_t best_of(const std::vector<Candidate>& candidates) {
  const auto lower = [](const Candidate& a, const Candidate& b) { return a.fid < b.fid; };
  return static_cast<std::size_t>(std::min_element(candidates.begin(), candidates.end(), lower) -
                                  candidates.begin());
}

std::string summary(const std::vector<Candidate>& candidates, const std::string& extractor) {
  const std::size_t best = best_of(candidates);
  std::string text = fmt::format("Frechet distance over {} features\n", extractor);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& one = candidates[i];
    text += fmt::format("{} {:10.3f}  kernel x 1000 {:8.3f}  epoch {:3}  step {:7}  {}\n",
                        i == best ? "*" : " ", one.fid, 1000 * one.kid, one.epoch, one.step, one.run);
  }
  return text + fmt::format("The lowest: {}\n", candidates[best].folder.string());
}

Json to_json(const Candidate& one) {
  return {{"run", one.run}, {"step", one.step}, {"epoch", one.epoch}, {"checkpoint", one.folder.string()},
          {"fid", one.fid}, {"kid", one.kid}};
}

}  // namespace

void add_checkpoints_options(CLI::App& app, CheckpointsOptions& options) {
  app.add_option(
         "--checkpoints", options.runs,
         "Instead of --generated: runs of train, each of whose checkpoints draws the captions of the real "
         "images; the lowest distance is marked")
      ->type_name("RUN");
  app.add_option("--sampler", options.sampler, "Of --checkpoints (default: the model's own)");
  app.add_option("--size", options.size, "Of --checkpoints")->type_name("WIDTHxHEIGHT");
  app.add_option("--steps", options.steps, "Of --checkpoints")->capture_default_str();
  app.add_option("--scale", options.scale, "Of --checkpoints")->capture_default_str();
  app.add_option("--batch", options.batch, "Of --checkpoints: images drawn at once")->capture_default_str();
}

int eval_checkpoints(const CheckpointsOptions& options, const CommonOptions& common,
                     const ExtractorOptions& extractor_options, const fs::path& real_path) {
  if (common.out.empty()) {
    fail("--checkpoints: expected --out, where the pictures of each checkpoint go");
  }
  if (this_rank().world > 1) {
    fail("--checkpoints: expected one process, found a rank of torchrun, srun or mpirun: use --nproc");
  }
  RunRecord record("medisyn eval fid --checkpoints");
  std::vector<Candidate> candidates = find_candidates(options.runs);
  const torch::Device device = pick_device(common.device);
  const Extractor extractor = open_extractor(extractor_options, common, device);
  const Manifest real = open_images(real_path, common);
  EvalOutput output(common);
  const fs::path prompts = common.out / "prompts.jsonl";
  write_manifest_file(prompts, real);
  const torch::Tensor of_real = extract_features(extractor, image_sources(real), "real", device);
  const FrechetFrom distance(moments_of(statistics_of(of_real)));
  for (Candidate& one : candidates) {
    log_info("{}", one.folder.string());
    if (const int code = draw(generation_arguments(options, common, one, prompts)); code != 0) {
      return code;
    }
    const Manifest drawn = read_manifest(common.out / "images" / one.name);
    const torch::Tensor features = extract_features(extractor, image_sources(drawn), one.name, device);
    one.fid = distance.to(moments_of(statistics_of(features)));
    one.kid = kernel_distance(of_real, features, 1, of_real.size(0), common.seed).mean;
  }
  std::vector<std::vector<std::string>> rows;
  Json table = Json::array();
  const std::size_t best = best_of(candidates);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& one = candidates[i];
    table.push_back(to_json(one));
    rows.push_back({one.run, std::to_string(one.step), std::to_string(one.epoch), fmt::format("{}", one.fid),
                    fmt::format("{}", one.kid), i == best ? "lowest" : ""});
  }
  output.write_table("checkpoints.csv", {"run", "step", "epoch", "fid", "kid", "lowest"}, rows);
  record.add_input(real_path);
  record.config = {{"real", real_path.string()}, {"where", common.where},  {"sample", common.sample},
                   {"seed", common.seed},        {"steps", options.steps}, {"scale", options.scale},
                   {"sampler", options.sampler}, {"batch", options.batch}};
  record.metrics = describe(extractor);
  record.metrics.update({{"n_real", of_real.size(0)}, {"checkpoints", table}, {"lowest", table[best]}});
  output.finish(record, summary(candidates, extractor.name));
  return 0;
}

}  // namespace medisyn
