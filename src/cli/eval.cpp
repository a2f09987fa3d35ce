#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <system_error>

#include "launch.h"
#include "medisyn/cli/commands.h"
#include "medisyn/cli/eval_commands.h"
#include "medisyn/cli/subcommands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/data/filter.h"
#include "medisyn/data/sample.h"
#include "medisyn/dist/device.h"
#include "medisyn/io/csv.h"

namespace medisyn {

Manifest open_images(const fs::path& path, const CommonOptions& options) {
  return sample(filtered(read_manifest(path), options.where), options.sample, options.seed);
}

std::vector<ImageSource> image_sources(const Manifest& manifest) {
  std::vector<ImageSource> sources;
  for (const Record& record : manifest.records) {
    sources.push_back(image_source(manifest, record));
  }
  return sources;
}

std::map<std::string, std::int64_t> image_formats(const Manifest& manifest) {
  std::map<std::string, std::int64_t> formats;
  for (const Record& record : manifest.records) {
    std::string extension = fs::path(record.file_name).extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    extension.erase(0, 1);
    ++formats[extension == "jpeg" ? "jpg" : extension == "tiff" ? "tif" : extension];
  }
  return formats;
}

void add_extractor_options(CLI::App& app, ExtractorOptions& options) {
  app.add_option("--extractor", options.name,
                 fmt::format("Feature extractor: {}", fmt::join(extractor_names(), ", ")))
      ->capture_default_str();
  app.add_option("--weights", options.weights,
                 "Its weights: .safetensors or .pth; biomedclip and clip: their folder")
      ->type_name("FILE");
  app.add_option("--mode", options.mode,
                 fmt::format("Whose numbers inception gives: {}", fmt::join(inception_modes(), ", ")));
}

Extractor open_extractor(const ExtractorOptions& options, const CommonOptions& common, torch::Device device) {
  if (common.dtype != "fp32") {
    fail("--dtype {}: expected fp32, in which features are computed so that scores can be compared",
         common.dtype);
  }
  return load_extractor(options.name, options.weights, device, options.mode);
}

EvalOutput::EvalOutput(const CommonOptions& options) : options_(options) {
  if (!options_.out.empty()) {
    folder_.emplace(options_.out);
  }
}

void EvalOutput::write_sample(const Manifest& drawn, const std::string& name) const {
  if (!options_.out.empty() && options_.sample > 0) {
    write_manifest_file(options_.out / name, drawn);
  }
}

void EvalOutput::write_table(const std::string& name, const std::vector<std::string>& header,
                             const std::vector<std::vector<std::string>>& rows) const {
  if (!options_.out.empty()) {
    write_csv(options_.out / name, header, rows);
  }
}

void EvalOutput::finish(const RunRecord& record, const std::string& text) {
  if (!options_.out.empty()) {
    record.write(options_.out);
  }
  if (options_.json) {
    fmt::print("{}\n", record.to_json().dump());
  } else {
    fmt::print("{}", text);
  }
}

int run_eval(const CommonOptions& options, const CLI::App& app, std::string name, int argc, char** argv,
             const EvalWork& work) {
  std::vector<char*> words = {argv[0], name.data()};
  words.insert(words.end(), argv + 1, argv + argc);
  return run_together(options, app, "eval", static_cast<int>(words.size()), words.data(),
                      [&](const Rank& rank) {
                        const torch::Device device = pick_device(options.device, rank.local_rank);
                        Communicator ranks(rank, device);
                        try {
                          std::optional<EvalOutput> output;
                          if (ranks.is_first()) {
                            output.emplace(options);
                          }
                          work(device, ranks, output ? &*output : nullptr);
                        } catch (const std::exception& error) {
                          ranks.fail_all(error);
                          throw;
                        }
                        return 0;
                      });
}

int eval_command(int argc, char** argv) {
  constexpr std::array<Subcommand, 7> kEvaluations{
      {{"fid", eval_fid_command, "distance between real and generated images, by features"},
       {"msssim", eval_msssim_command, "how alike the images of a set are"},
       {"memorization", eval_memorization_command, "does the model draw its training images again?"},
       {"classify", eval_classify_command, "do synthetic images train classifiers?"},
       {"alignment", eval_alignment_command, "do the pictures follow the prompt?"},
       {"reader-study", eval_reader_study_command, "can readers tell synthetic images from real ones?"},
       {"table", eval_table_command, "several results of one evaluation side by side"}}};
  return run_subcommand("medisyn eval", "Scores images.", kEvaluations, argc, argv);
}

}  // namespace medisyn
