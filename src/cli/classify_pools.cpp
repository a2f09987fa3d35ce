#include "classify_pools.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "medisyn/cli/commands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/interrupt.h"
#include "medisyn/core/log.h"
#include "medisyn/dist/ranks.h"
#include "medisyn/io/jsonl.h"

namespace medisyn {
namespace {

using Words = std::vector<std::string>;

Words generate_words(const fs::path& model, const fs::path& folder, const ClassifyConfig& config,
                     const CommonOptions& common) {
  const ClassifySyntheticConfig& synthetic = config.synthetic;
  Words words = {"--model",   model.string(),
                 "--prompts", folder.string() + ".jsonl",
                 "--out",     folder.string(),
                 "--steps",   fmt::format("{}", synthetic.steps),
                 "--scale",   fmt::format("{}", synthetic.scale),
                 "--batch",   fmt::format("{}", synthetic.batch),
                 "--dtype",   synthetic.dtype,
                 "--device",  common.device};
  if (!synthetic.sampler.empty()) {
    words.insert(words.end(), {"--sampler", synthetic.sampler});
  }
  if (!synthetic.size.empty()) {
    words.insert(words.end(), {"--size", synthetic.size});
  }
  if (common.quiet) {
    words.emplace_back("--quiet");
  }
  return words;
}

void write_prompts(const fs::path& file, const std::vector<MissingImage>& missing) {
  std::vector<Json> rows;
  for (const MissingImage& one : missing) {
    rows.push_back({{"text", one.prompt}, {"seed", one.seed}});
  }
  write_jsonl(file, rows);
}

/// By processes of its own, whose memory is free again afterwards.
int generate_apart(const Words& words, std::int64_t nproc) {
  Words all = {"medisyn", "generate"};
  all.insert(all.end(), words.begin(), words.end());
  const std::vector<RankEnd> ends = run_ranks(nproc, all);
  for (const std::string& failure : describe_failures(ends)) {
    log_warning("{}", failure);
  }
  int code = interrupted() ? interrupt_exit_code() : 0;
  for (const RankEnd& end : ends) {
    code = code != 0 || end.is_good() ? code : std::max(1, end.exit_code);
  }
  return code;
}

/// As the rank that this process is.
int generate_here(Words words) {
  std::string name = "medisyn generate";
  std::vector<char*> argv = {name.data()};
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  return generate_command(static_cast<int>(argv.size()), argv.data());
}

/// Until the last rank has closed the run.
int wait_for_result(const fs::path& folder) {
  using namespace std::chrono_literals;
  constexpr auto kLimit = 24h;
  const auto start = std::chrono::steady_clock::now();
  while (!is_file(folder / "result.json")) {
    if (interrupted()) {
      return interrupt_exit_code();
    }
    if (std::chrono::steady_clock::now() - start > kLimit) {
      fail("{}: the other ranks have not drawn their images in a day", folder.string());
    }
    std::this_thread::sleep_for(1s);
  }
  return 0;
}

}  // namespace

std::vector<std::vector<MissingImage>> all_missing_images(const GridData& data,
                                                          const ClassifyConfig& config) {
  std::vector<std::vector<MissingImage>> missing;
  for (std::size_t pool = 0; pool < data.pools.size(); ++pool) {
    missing.push_back(missing_images(data, config, pool));
  }
  return missing;
}

void require_models(const GridData& data, const std::vector<std::vector<MissingImage>>& missing,
                    const ClassifyConfig& config) {
  for (std::size_t pool = 0; pool < missing.size(); ++pool) {
    if (!missing[pool].empty() && data.sources[pool].model.empty()) {
      for (const std::size_t part : data.sources[pool].parts) {  // says what is missing
        matching_images(data.pools[pool], data.parts[part].real, data.cohorts.train, config);
      }
    }
  }
}

std::vector<fs::path> pool_folders(const GridData& data,
                                   const std::vector<std::vector<MissingImage>>& missing,
                                   const fs::path& out) {
  std::vector<fs::path> folders;
  for (std::size_t pool = 0; pool < missing.size(); ++pool) {
    const bool is_only = missing.size() == 1;
    const std::vector<std::size_t>& parts = data.sources[pool].parts;
    folders.push_back(missing[pool].empty() ? fs::path()
                      : is_only             ? out / "synthetic"
                                : out / fmt::format("synthetic-{}", data.parts[parts.front()].fraction));
  }
  return folders;
}

int draw_missing(const GridData& data, const std::vector<std::vector<MissingImage>>& missing,
                 const ClassifyConfig& config, const CommonOptions& common) {
  const std::vector<fs::path> folders = pool_folders(data, missing, common.out);
  for (std::size_t pool = 0; pool < missing.size(); ++pool) {
    const fs::path& folder = folders[pool];
    if (missing[pool].empty() || is_file(folder / "result.json")) {
      continue;
    }
    const fs::path& model = data.sources[pool].model;
    log_info("{}: drawing {} images with {}", folder.string(), missing[pool].size(), model.string());
    write_prompts(folder.string() + ".jsonl", missing[pool]);
    const Words words = generate_words(model, folder, config, common);
    const bool is_rank = this_rank().world > 1;
    const int code = is_rank ? generate_here(words) : generate_apart(words, common.nproc);
    if (code != 0) {
      return code;
    }
    if (const int end = is_rank ? wait_for_result(folder) : 0; end != 0) {
      return end;
    }
  }
  return 0;
}

}  // namespace medisyn
