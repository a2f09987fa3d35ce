// What a rank knows of the others, out of what each wrote into the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "job_store.h"
#include "medisyn/dist/liveness.h"
#include "medisyn/dist/ranks.h"

namespace medisyn {

class Peers {
 public:
  Peers(const Rank& rank, const LivenessLimits& limits);

  /// Reads what they wrote since; those of whom nothing is known yet are only asked for. `is_beat`: those
  /// that wrote nothing new have been silent for one beat more.
  void read(c10d::Store& store, bool is_beat);

  /// The line that ends this process: what a rank or the launcher wrote, before what silence tells.
  /// `is_broken`: a connection to some rank broke.
  std::optional<std::string> verdict(bool is_broken) const;

  /// Those that have not come yet.
  std::vector<std::int64_t> missing() const;

  /// True when nobody needs this rank any more.
  bool have_all_left(bool is_broken) const;

  /// "rank 0 of 4 died in: saving"; nothing when the rank is none of the others.
  std::optional<std::string> death_of(std::int64_t rank) const;

 private:
  struct Peer {
    std::int64_t rank = 0;
    bool has_come = false;
    RankRecord record;
    std::int64_t silent_beats = 0;
  };

  bool is_silent(const Peer& peer, bool is_broken) const;

  std::int64_t world_;
  LivenessLimits limits_;
  std::vector<Peer> peers_;
};

}  // namespace medisyn
