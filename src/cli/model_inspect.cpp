// medisyn model inspect: what a model's folder holds, and whether it is whole.
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "medisyn/cli/model_commands.h"
#include "medisyn/cli/options.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/models/component.h"
#include "medisyn/pipeline/model_index.h"
#include "medisyn/report/table.h"
#include "medisyn/text/tokenizer.h"

namespace medisyn {
namespace {

constexpr std::size_t kShownNames = 5;
constexpr std::size_t kShownHash = 12;  ///< of 64 digits: enough to tell two files apart at a glance

struct ComponentReport {
  std::string name;  ///< "unet", or "." for a folder that is a component itself
  std::string class_name;
  std::string weights;  ///< path below the folder
  bool has_weights = false;
  std::int64_t parameters = 0;
  std::set<std::string> dtypes;
  std::uintmax_t bytes = 0;
  std::string sha256;
  WeightsFit fit;

  bool is_whole() const { return fit.missing.empty() && fit.unexpected.empty() && fit.misfits.empty(); }
};

/// As --dtype spells it; other types as the file does.
std::string dtype_name(torch::ScalarType type) {
  switch (type) {
    case torch::kFloat:
      return "fp32";
    case torch::kHalf:
      return "fp16";
    case torch::kBFloat16:
      return "bf16";
    default:
      return c10::toString(type);
  }
}

/// A file's size and hash, or those of all shards of an index.
void add_files(ComponentReport& report, const fs::path& weights) {
  std::vector<std::string> hashes;
  for (const fs::path& file : weights_files(weights)) {
    report.bytes += fs::file_size(file);
    hashes.push_back(sha256_file(file));
  }
  report.sha256 =
      hashes.size() == 1 ? hashes.front() : sha256_hex(fmt::format("{}\n", fmt::join(hashes, "\n")));
}

ComponentReport inspect_component(const fs::path& root, const std::string& name) {
  const fs::path folder = root / name;
  ComponentReport report;
  report.name = name;
  const Component component = read_empty_component(folder);
  report.class_name = component.class_name;
  report.parameters = parameter_count(*component.module);
  const auto weights = locate_weights(folder, component.files.weights);
  const TensorMap found = weights ? read_weights(*weights) : TensorMap{};
  report.fit =
      fit_weights(state_dict(*component.module), found, component.key_name, weights.value_or(folder));
  for (const auto& [key, tensor] : found) {
    if (tensor.is_floating_point()) {
      report.dtypes.insert(dtype_name(tensor.scalar_type()));
    }
  }
  report.weights = fs::relative(weights.value_or(folder / component.files.weights), root).generic_string();
  report.has_weights = weights.has_value();
  if (weights) {
    add_files(report, *weights);
  }
  return report;
}

Json to_json(const ComponentReport& report) {
  return {{"class", report.class_name},      {"weights", report.weights},
          {"parameters", report.parameters}, {"dtypes", report.dtypes},
          {"bytes", report.bytes},           {"sha256", report.sha256},
          {"missing", report.fit.missing},   {"unexpected", report.fit.unexpected},
          {"misfits", report.fit.misfits}};
}

/// "859,520,964"
std::string grouped(std::int64_t number) {
  const std::string digits = fmt::format("{}", number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) {
      text += ',';
    }
    text += digits[i];
  }
  return text;
}

/// "1.72 GB", as diffusers and the hub count them: 10^9 bytes
std::string size_text(std::uintmax_t bytes) {
  return bytes >= 1'000'000'000 ? fmt::format("{:.2f} GB", static_cast<double>(bytes) / 1e9)
                                : fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

void print_names(const ComponentReport& report, const char* what, const std::vector<std::string>& names) {
  if (names.empty()) {
    return;
  }
  fmt::print("\n{}: {}{} {}:\n", report.weights, report.has_weights ? "" : "no such file, ", names.size(),
             what);
  for (std::size_t i = 0; i < std::min(names.size(), kShownNames); ++i) {
    fmt::print("  {}\n", names[i]);
  }
  if (names.size() > kShownNames) {
    fmt::print("  and {} more (all of them: --json)\n", names.size() - kShownNames);
  }
}

void print_table(const std::vector<ComponentReport>& reports) {
  std::vector<std::vector<std::string>> rows;
  std::int64_t parameters = 0;
  std::uintmax_t bytes = 0;
  for (const ComponentReport& report : reports) {
    rows.push_back({report.name, report.class_name, grouped(report.parameters),
                    fmt::format("{}", fmt::join(report.dtypes, "+")), size_text(report.bytes),
                    report.sha256.substr(0, kShownHash)});
    parameters += report.parameters;
    bytes += report.bytes;
  }
  if (rows.size() > 1) {
    rows.push_back({"total", "", grouped(parameters), "", size_text(bytes), ""});
  }
  fmt::print("{}", text_table({"component", "class", "parameters", "dtype", "size", "sha256"}, rows));
  for (const ComponentReport& report : reports) {
    print_names(report, "parameters are missing", report.fit.missing);
    print_names(report, "tensors do not belong to this model", report.fit.unexpected);
    print_names(report, "tensors do not fit", report.fit.misfits);
  }
}

/// The components of a pipeline that have weights, in the order of its table.
std::vector<std::string> weighted_components(const ModelIndex& index) {
  std::vector<std::string> names;
  for (const PipelineComponent& component : pipeline_components(index.pipeline)) {
    const std::vector<std::string> known = component_classes();
    if (std::find(known.begin(), known.end(), index.classes.at(component.folder)) != known.end()) {
      names.emplace_back(component.folder);
    }
  }
  return names;
}

void print_other_parts(const fs::path& folder, const ModelIndex& index) {
  for (const auto& [name, class_name] : index.classes) {
    if (name.starts_with("tokenizer")) {
      const Tokenizer tokenizer = Tokenizer::load(folder / name);
      fmt::print("{}: {} of {} tokens, at most {} a text\n", name, class_name,
                 grouped(tokenizer.vocab_size()), tokenizer.model_max_length());
    }
  }
  fmt::print("scheduler: {}\n", index.classes.at("scheduler"));
  if (!index.unused.empty()) {
    fmt::print("not used here: {}\n", fmt::join(index.unused, ", "));
  }
}

void fail_unless_whole(const fs::path& folder, const std::vector<ComponentReport>& reports) {
  std::vector<std::string> broken;
  for (const ComponentReport& report : reports) {
    if (!report.is_whole()) {
      broken.push_back(report.name);
    }
  }
  if (!broken.empty()) {
    fail("{}: would not load: the weights of {} do not fit the config", folder.string(),
         fmt::join(broken, ", "));
  }
}

}  // namespace

int model_inspect_command(int argc, char** argv) {
  CLI::App app(
      "Lists a model's components: class, parameters, dtype, size, hash, and what is missing or left over");
  CommonOptions options;
  fs::path given;
  app.add_option("DIR", given,
                 "Model folder, one component's folder, or a training run (its newest checkpoint)")
      ->required();
  add_common_options(app, options, 0);
  if (const auto code = parse_options(app, options, argc, argv)) {
    return *code;
  }
  Json json = Json::object();
  std::vector<ComponentReport> reports;
  const bool is_component = fs::exists(given / "config.json");
  const fs::path folder = is_component ? given : resolve_model_folder(given);
  ModelIndex index;
  if (is_component) {
    reports.push_back(inspect_component(folder, "."));
  } else {
    index = read_model_index(folder);
    json["pipeline"] = index.pipeline;
    for (const std::string& name : weighted_components(index)) {
      reports.push_back(inspect_component(folder, name));
    }
  }
  if (options.json) {
    for (const ComponentReport& report : reports) {
      json["components"][report.name] = to_json(report);
    }
    json["unused"] = index.unused;
    fmt::print("{}\n", json.dump());
  } else {
    fmt::print("{}{}\n", folder.string(), is_component ? "" : ": " + index.pipeline);
    print_table(reports);
    if (!is_component) {
      print_other_parts(folder, index);
    }
  }
  fail_unless_whole(folder, reports);
  return 0;
}

}  // namespace medisyn
