#include <algorithm>
#include <set>

#include "medisyn/cli/eval_commands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/data/filter.h"
#include "medisyn/dist/device.h"
#include "medisyn/eval/alignment.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/report/table.h"

namespace medisyn {
namespace {

constexpr std::int64_t kMostReferences = 1000;  ///< of each image type

/// A set of images with the type that each should be of.
struct ScoredSet {
  std::string name;
  Manifest images;
  std::vector<std::string> truth;
  bool is_control = false;  ///< drawn with every prompt emptied
};

/// The folder's own name, or the whole path where two runs have the same.
std::string name_of(const fs::path& run, const std::vector<fs::path>& all) {
  const auto last = [](const fs::path& path) { return (path / "").parent_path().filename(); };
  const auto alike =
      std::count_if(all.begin(), all.end(), [&](const fs::path& other) { return last(other) == last(run); });
  return alike > 1 ? run.string() : last(run).string();
}

bool drawn_without_prompts(const fs::path& run) {
  const fs::path metadata = fs::is_directory(run) ? run / "metadata.jsonl" : run;
  const std::vector<Json> rows = read_jsonl(metadata);
  return std::all_of(rows.begin(), rows.end(), [](const Json& row) {
    const auto found = row.find("unconditional");
    return found != row.end() && *found == Json(true);
  });
}

ScoredSet open_run(const fs::path& run, const std::vector<fs::path>& all, const CaptionTypes& captions) {
  const fs::path metadata = fs::is_directory(run) ? run / "metadata.jsonl" : run;
  if (!fs::exists(metadata)) {
    fail("{}: expected a run of generate, with the prompts in metadata.jsonl, found none", run.string());
  }
  ScoredSet set{name_of(run, all), read_manifest(run), {}, drawn_without_prompts(run)};
  set.truth = prompted_types(set.images, captions);
  return set;
}

/// Error when an image is among the references and among those they judge: it would be its own neighbour.
void check_disjoint(const Manifest& references, const Manifest& held_out, const std::string& where,
                    const std::string& held_out_where) {
  std::set<std::string> names;
  for (const Record& record : references.records) {
    names.insert(record.file_name);
  }
  for (const Record& record : held_out.records) {
    if (names.contains(record.file_name)) {
      fail("--where '{}' and --held-out '{}': both choose {}: held-out images must not be references", where,
           held_out_where, record.file_name);
    }
  }
}

Manifest balanced(Manifest references, std::int64_t k, std::uint64_t seed) {
  std::vector<Record> chosen;
  for (const std::int64_t index : balanced_references(references.records, kMostReferences, seed)) {
    chosen.push_back(references.records[static_cast<std::size_t>(index)]);
  }
  if (static_cast<std::int64_t>(chosen.size()) < k) {
    fail("--k {}: expected at most the number of references, {}", k, chosen.size());
  }
  references.records = std::move(chosen);
  return references;
}

std::string text_of(const Share& share) {
  const auto [low, high] = wilson_interval(share);
  return fmt::format("{:.0f} % ({:.0f}-{:.0f}) of {}", 100 * share.value(), 100 * low, 100 * high, share.all);
}

std::string table_of(const std::vector<AlignmentScore>& scores) {
  std::vector<std::string> header = {"image type"};
  std::set<std::string> types;
  for (const AlignmentScore& score : scores) {
    header.push_back(score.name);
    for (const auto& [type, share] : score.by_type) {
      types.insert(type);
    }
  }
  std::vector<std::vector<std::string>> rows;
  for (const std::string& type : types) {
    rows.push_back({type});
    for (const AlignmentScore& score : scores) {
      const auto found = score.by_type.find(type);
      rows.back().push_back(found == score.by_type.end() ? "-" : text_of(found->second));
    }
  }
  std::vector<std::string> all = {"all images"};
  std::vector<std::string> mean = {"mean of types"};
  for (const AlignmentScore& score : scores) {
    all.push_back(text_of(score.all));
    mean.push_back(fmt::format("{:.0f} %", 100 * score.mean_of_types()));
  }
  rows.push_back(all);
  rows.push_back(mean);
  return text_table(header, rows);
}

Json to_json(const Share& share) {
  const auto [low, high] = wilson_interval(share);
  return {{"share", share.value()}, {"low", low}, {"high", high}, {"right", share.right}, {"n", share.all}};
}

Json to_json(const AlignmentScore& score, bool is_control) {
  Json json = {{"name", score.name}, {"unconditional", is_control}};
  json.update(to_json(score.all));
  json["mean_of_types"] = score.mean_of_types();
  json["by_type"] = Json::object();
  for (const auto& [type, share] : score.by_type) {
    json["by_type"][type] = to_json(share);
  }
  return json;
}

void add_predictions(const ScoredSet& set, const AlignmentScore& score,
                     std::vector<std::vector<std::string>>& rows) {
  for (std::size_t i = 0; i < set.truth.size(); ++i) {
    rows.push_back({set.name + "/" + set.images.records[i].file_name, score.predicted[i], score.truth[i],
                    fmt::format("{:.4f}", score.votes[i])});
  }
}

}  // namespace

int eval_alignment_command(int argc, char** argv) {
  CLI::App app("Do the pictures follow the prompt? Nearest real images of each generated one, by features");
  CommonOptions options;
  options.where = "split=train";
  ExtractorOptions extractor_options;
  fs::path real_path;
  std::vector<fs::path> generated_paths;
  std::string held_out_where = "split=test";
  std::int64_t k = 10;
  app.add_option("--real", real_path, "Manifest of real images; --where (split=train) chooses the references")
      ->required();
  app.add_option("--generated", generated_paths, "Runs of generate")->required()->type_name("DIR ...");
  app.add_option("--held-out", held_out_where, "Filter of the real images scored beside them")
      ->capture_default_str()
      ->type_name("EXPR");
  app.add_option("--k", k, "Neighbours that vote")->capture_default_str()->check(CLI::Range(1, 1000));
  add_extractor_options(app, extractor_options);
  add_common_options(app, options, kTakesOut | kTakesDevice | kTakesSeed | kTakesWhere);
  if (const auto code = parse_options(app, options, argc, argv)) {
    return *code;
  }
  RunRecord record(argv[0]);
  const torch::Device device = pick_device(options.device);
  const Extractor extractor = open_extractor(extractor_options, options, device);
  const Manifest real = read_manifest(real_path);
  const Manifest drawn = open_images(real_path, options);
  own_types(drawn);
  const Manifest references = balanced(drawn, k, options.seed);
  std::vector<ScoredSet> sets;
  const CaptionTypes captions = types_of_captions(real);
  for (const fs::path& run : generated_paths) {
    sets.push_back(open_run(run, generated_paths, captions));
  }
  const Manifest held_out = filtered(real, held_out_where);
  check_disjoint(drawn, held_out, options.where, held_out_where);
  sets.push_back({"held-out real", held_out, own_types(held_out)});

  EvalOutput output(options);
  const std::vector<std::string> reference_types = own_types(references);
  const torch::Tensor space = extract_features(extractor, image_sources(references), "references", device);
  std::vector<AlignmentScore> scores;
  std::vector<std::vector<std::string>> predictions;
  for (const ScoredSet& set : sets) {
    const torch::Tensor features = extract_features(extractor, image_sources(set.images), set.name, device);
    scores.push_back(score_alignment(set.name, features, set.truth, space, reference_types, k));
    add_predictions(set, scores.back(), predictions);
  }
  const std::set<std::string> types(reference_types.begin(), reference_types.end());
  const double chance = 1.0 / static_cast<double>(types.size());
  for (const fs::path& input : generated_paths) {
    record.add_input(input);
  }
  record.add_input(real_path);
  record.add_input(extractor_options.weights);
  record.config = {{"where", options.where},
                   {"held_out", held_out_where},
                   {"k", k},
                   {"sample", options.sample},
                   {"seed", options.seed}};
  record.metrics = describe(extractor);
  record.metrics.update({{"k", k}, {"references", references.records.size()}, {"chance", chance}});
  record.metrics["scores"] = Json::array();
  for (std::size_t i = 0; i < scores.size(); ++i) {
    record.metrics["scores"].push_back(to_json(scores[i], sets[i].is_control));
  }
  output.write_sample(drawn);
  output.write_table("predictions.csv", {"id", "class", "label", "score"}, predictions);
  output.finish(record, fmt::format("Images whose {} nearest of {} real images ({} types, equally often; {} "
                                    "features) are mostly of the prompted type, with Wilson's 95 % interval; "
                                    "chance is {:.0f} %\n\n{}",
                                    k, references.records.size(), types.size(), extractor.name, 100 * chance,
                                    table_of(scores)));
  return 0;
}

}  // namespace medisyn
