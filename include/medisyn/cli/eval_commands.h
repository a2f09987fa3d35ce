// The evaluations of `medisyn eval`, and what they share.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/cli/options.h"
#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"
#include "medisyn/data/manifest.h"
#include "medisyn/dist/communicator.h"
#include "medisyn/features/extractor.h"

namespace medisyn {

int eval_fid_command(int argc, char** argv);
int eval_msssim_command(int argc, char** argv);
int eval_alignment_command(int argc, char** argv);
int eval_memorization_command(int argc, char** argv);
int eval_classify_command(int argc, char** argv);
int eval_table_command(int argc, char** argv);
int eval_reader_study_command(int argc, char** argv);

/// --extractor, --weights and --mode.
struct ExtractorOptions {
  std::string name = "efficientnet_lite0";
  std::filesystem::path weights = {};
  std::string mode = {};  ///< of inception; "": the first of inception_modes()
};
void add_extractor_options(CLI::App& app, ExtractorOptions& options);
/// Error for a dtype other than fp32, in which all features are computed.
Extractor open_extractor(const ExtractorOptions& options, const CommonOptions& common, torch::Device device);

/// The images that --where and --sample leave of a manifest, a run of generate, a folder of images or tar
/// shards.
Manifest open_images(const std::filesystem::path& path, const CommonOptions& options);

std::vector<ImageSource> image_sources(const Manifest& manifest);

/// How many images have each extension: "png", "jpg" for .JPEG.
std::map<std::string, std::int64_t> image_formats(const Manifest& manifest);

/// The folder of --out, claimed before anything is computed, and given back empty when nothing came of it.
class EvalOutput {
 public:
  explicit EvalOutput(const CommonOptions& options);

  /// What --sample drew, where it did.
  void write_sample(const Manifest& drawn, const std::string& name = "sample.jsonl") const;
  void write_table(const std::string& name, const std::vector<std::string>& header,
                   const std::vector<std::vector<std::string>>& rows) const;

  /// Writes result.json, and prints the text, or with --json the result.
  void finish(const RunRecord& record, const std::string& text);

 private:
  const CommonOptions& options_;
  std::optional<OutputFolder> folder_;
};

/// An evaluation on one rank. `output` is null on all but the first, which does what is not shared.
using EvalWork = std::function<void(torch::Device device, Communicator& ranks, EvalOutput* output)>;

/// Runs `medisyn eval NAME` on this rank, or on the --nproc ranks that it starts; an error on one ends all.
int run_eval(const CommonOptions& options, const CLI::App& app, std::string name, int argc, char** argv,
             const EvalWork& work);

}  // namespace medisyn
