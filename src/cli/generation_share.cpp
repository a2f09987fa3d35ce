#include "generation_share.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"

namespace medisyn {
namespace {

fs::path folder_of(const fs::path& run) { return run / "ranks.parts"; }

fs::path closing_of(const fs::path& run) { return run / "ranks.closing"; }

fs::path file_of(const fs::path& run, std::int64_t rank, std::int64_t world) {
  return folder_of(run) / fmt::format("{}-of-{}.json", rank, world);
}

}  // namespace

void write_share(const fs::path& run, const Rank& rank, const Share& share) {
  fs::create_directories(folder_of(run));
  const Json json{{"found", share.found},
                  {"made", share.made},
                  {"images_per_second", share.images_per_second},
                  {"broken", share.broken},
                  {"vae_upcast", share.vae_upcast},
                  {"vae_tiled", share.vae_tiled}};
  write_file(file_of(run, rank.rank, rank.world), json.dump() + "\n");
}

std::optional<Share> read_shares(const fs::path& run, std::int64_t world) {
  Share all;
  for (std::int64_t rank = 0; rank < world; ++rank) {
    const fs::path file = file_of(run, rank, world);
    std::ifstream stream(file);
    if (!stream) {
      return std::nullopt;
    }
    const Json json = Json::parse(stream);
    all.found += json.at("found").get<std::size_t>();
    all.made += json.at("made").get<std::size_t>();
    all.images_per_second += json.at("images_per_second").get<double>();
    const auto broken = json.at("broken").get<std::vector<std::string>>();
    all.broken.insert(all.broken.end(), broken.begin(), broken.end());
    all.vae_upcast += json.at("vae_upcast").get<std::int64_t>();
    all.vae_tiled += json.at("vae_tiled").get<std::int64_t>();
  }
  return all;
}

bool claim_closing(const fs::path& run) {
  std::error_code error;
  fs::remove_all(closing_of(run), error);  // of a rank that died while it closed
  fs::rename(folder_of(run), closing_of(run), error);
  return !error;
}

void remove_share(const fs::path& run, const Rank& rank) { fs::remove(file_of(run, rank.rank, rank.world)); }

void remove_shares(const fs::path& run) {
  fs::remove_all(folder_of(run));
  fs::remove_all(closing_of(run));
}

}  // namespace medisyn
