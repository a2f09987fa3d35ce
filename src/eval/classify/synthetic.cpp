#include "medisyn/eval/classify/synthetic.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "medisyn/core/error.h"
#include "medisyn/text/caption.h"
#include "medisyn/text/prompts.h"

namespace medisyn {
namespace {

using Counts = std::map<std::string, std::int64_t>;

/// What a prompt says of a training image: a class that is not known is not named, so it is not asked for.
Targets asked_for(const Targets& targets) {
  Targets asked = targets;
  std::replace_if(
      asked.begin(), asked.end(), [](float target) { return std::isnan(target); }, 0.0F);
  return asked;
}

std::string asked_combination(const Targets& targets, const std::vector<std::string>& classes) {
  return combination_of(asked_for(targets), classes);
}

Counts count_combinations(const std::vector<std::size_t>& part, const Cohort& train,
                          const std::vector<std::string>& classes) {
  Counts counts;
  for (const std::size_t i : part) {
    ++counts[asked_combination(train.targets[i], classes)];
  }
  return counts;
}

std::string folders_text(const std::vector<std::filesystem::path>& folders) {
  std::vector<std::string> names;
  for (const auto& folder : folders) {
    names.push_back(folder.string());
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::string prompt_of(const Record& record, const Targets& targets, const ClassifyConfig& config) {
  std::vector<std::string> present;
  for (std::size_t c = 0; c < targets.size(); ++c) {
    if (targets[c] == 1) {
      present.push_back(config.classes[c].name);
    }
  }
  return fill_caption(config.synthetic.prompt, {{"text", record.text},
                                                {"classes", join_words(present)},
                                                {"labels", join_words(record.labels)},
                                                {"image_type", record.image_type},
                                                {"specialty", record.specialty},
                                                {"id", record.id}});
}

PromptTargets prompt_targets(const Cohort& train, const ClassifyConfig& config) {
  const std::vector<std::string> classes = config.class_names();
  PromptTargets found;
  std::set<std::string> ambiguous;
  const auto add = [&](const std::string& text, const Targets& targets) {
    const auto [place, is_new] = found.try_emplace(text, asked_for(targets));
    if (!is_new && combination_of(place->second, classes) != asked_combination(targets, classes)) {
      ambiguous.insert(text);
    }
  };
  for (std::size_t i = 0; i < train.targets.size(); ++i) {
    add(prompt_of(train.manifest.records[i], train.targets[i], config), train.targets[i]);
  }
  if (!ambiguous.empty()) {
    fail(
        "synthetic.prompt {:?}: the prompt {:?} stands for training images of different classes: name "
        "{{classes}}",
        config.synthetic.prompt, *ambiguous.begin());
  }
  const PromptTargets prompts = found;
  for (std::size_t i = 0; i < train.targets.size(); ++i) {
    add(train.manifest.records[i].text, train.targets[i]);
  }
  for (const std::string& text : ambiguous) {
    if (!prompts.contains(text)) {
      found.erase(text);
    }
  }
  found.erase("");
  return found;
}

std::int64_t SyntheticPool::count(const std::string& combination) const {
  const auto found = by_combination.find(combination);
  return found == by_combination.end() ? 0 : std::ssize(found->second);
}

SyntheticPool open_pool(const std::vector<std::filesystem::path>& folders, const PromptTargets& prompts,
                        const std::vector<std::string>& classes) {
  SyntheticPool pool;
  for (const auto& folder : folders) {
    const Manifest manifest = read_manifest(folder);
    for (const Record& record : manifest.records) {
      const auto asked = prompts.find(record.text);
      if (asked == prompts.end()) {
        ++pool.not_asked_for;
        continue;
      }
      pool.by_combination[combination_of(asked->second, classes)].push_back(pool.images.size());
      pool.images.push_back({.image = image_source(manifest, record), .targets = asked->second});
      pool.names.push_back(folder.string() + "/" + record.file_name);
    }
  }
  if (!folders.empty() && pool.images.empty()) {
    fail(
        "synthetic images {}: an empty set: the prompt of none of its {} images is synthetic.prompt or a "
        "caption "
        "of the training images",
        folders_text(folders), pool.not_asked_for);
  }
  return pool;
}

std::vector<MissingImage> missing_images(const SyntheticPool& pool,
                                         const std::vector<std::vector<std::size_t>>& parts,
                                         const Cohort& train, const ClassifyConfig& config) {
  const std::vector<std::string> classes = config.class_names();
  Counts needed, have;
  std::vector<std::string> prompts;
  for (const std::vector<std::size_t>& part : parts) {
    for (const auto& [combination, count] : count_combinations(part, train, classes)) {
      needed[combination] = std::max(needed[combination], count);
    }
  }
  std::set<std::size_t> used;
  for (const std::vector<std::size_t>& part : parts) {
    for (const std::size_t i : part) {
      const std::string combination = asked_combination(train.targets[i], classes);
      if (have[combination] == needed[combination] || !used.insert(i).second) {
        continue;
      }
      if (++have[combination] > pool.count(combination)) {
        prompts.push_back(prompt_of(train.manifest.records[i], train.targets[i], config));
      }
    }
  }
  std::vector<MissingImage> missing;
  for (const std::string& prompt : prompts) {
    missing.push_back({prompt, checked_seed(config.synthetic.seed + std::ssize(missing), "synthetic.seed")});
  }
  return missing;
}

std::vector<std::size_t> matching_images(const SyntheticPool& pool, const std::vector<std::size_t>& part,
                                         const Cohort& train, const ClassifyConfig& config) {
  std::vector<std::size_t> members;
  for (const auto& [combination, count] : count_combinations(part, train, config.class_names())) {
    if (pool.count(combination) < count) {
      fail(
          "synthetic images: {} of {} are needed, found {}: give synthetic.model, which draws what is "
          "missing, or "
          "take smaller fractions",
          count, combination, pool.count(combination));
    }
    const std::vector<std::size_t>& all = pool.by_combination.at(combination);
    members.insert(members.end(), all.begin(), all.begin() + count);
  }
  return members;
}

}  // namespace medisyn
