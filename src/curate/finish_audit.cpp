#include "finish_audit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>

#include "medisyn/core/files.h"
#include "medisyn/curate/audit_page.h"
#include "medisyn/curate/datasheet.h"

namespace medisyn {
namespace {

std::optional<Tokenizer> tokenizer_of(const CurateConfig& config) {
  if (!config.tokenizer) {
    return std::nullopt;
  }
  const fs::path& path = *config.tokenizer;
  return fs::is_directory(path) ? Tokenizer::load(path) : Tokenizer(ClipTokenizer::from_merges(path));
}

std::vector<AuditRepository> repositories_of(const CurateConfig& config) {
  std::vector<AuditRepository> list;
  for (const RepositoryConfig& repository : config.repositories) {
    list.push_back({.name = repository.name, .source = repository.source, .licence = repository.licence});
  }
  return list;
}

std::string duplicates_policy(const DuplicatesConfig& config) {
  std::string policy = "Of equal pictures the first stays.";
  if (!config.find_near) {
    return policy;
  }
  policy += fmt::format(
      " Near-duplicates (perceptual hashes within {} of 64 bits, thumbnails correlated by at least {}",
      config.max_distance, config.min_correlation);
  if (config.embedding) {
    policy += fmt::format(", or features of {} with a cosine of at least {}", config.embedding->extractor,
                          config.embedding->min_cosine);
  }
  policy += ") stand on one side of the split; ";
  policy += config.near.keep == "all" ? "all of them stay" : "one of each cluster stays";
  return policy + ", unless a repository says otherwise.";
}

StudyFacts facts_of(const CurateConfig& config) {
  return {.command = "medisyn curate",
          .split = fmt::format("{} by groups of patients, studies, videos and near-duplicates, stratified by "
                               "repository and class, seed {}, unless a repository gives the side itself",
                               fmt::join(config.split.ratio, ":"), config.split.seed),
          .duplicates_policy = duplicates_policy(config.duplicates)};
}

}  // namespace

void write_audit(const CurateConfig& config, const fs::path& out, const Manifest& manifest, LeftOut left_out,
                 std::int64_t threads) {
  const auto tokenizer = tokenizer_of(config);
  const Audit audit = make_audit(manifest, repositories_of(config), std::move(left_out),
                                 tokenizer ? &*tokenizer : nullptr, threads);
  write_audit_tables(out, audit);
  write_file(out / "audit.html",
             audit_page(manifest, audit,
                        {.seed = static_cast<std::uint64_t>(config.split.seed), .threads = threads}));
  write_file(out / "datasheet.md", datasheet(audit, facts_of(config)));
}

}  // namespace medisyn
