#include "peers.h"

#include <algorithm>

namespace medisyn {

using State = RankRecord::State;

Peers::Peers(const Rank& rank, const LivenessLimits& limits) : world_(rank.world), limits_(limits) {
  for (std::int64_t other = 0; other < rank.world; ++other) {
    if (other != rank.rank) {
      peers_.push_back({.rank = other, .record = {}});
    }
  }
}

void Peers::read(c10d::Store& store, bool is_beat) {
  std::vector<Peer*> asked;
  std::vector<std::string> keys;
  for (Peer& peer : peers_) {
    peer.has_come = peer.has_come || store.check({rank_key(peer.rank)});
    if (peer.has_come && peer.record.state == State::kAlive) {
      asked.push_back(&peer);
      keys.push_back(rank_key(peer.rank));
    }
  }
  if (keys.empty()) {
    return;
  }
  const auto values = store.multiGet(keys);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    Peer& peer = *asked[i];
    RankRecord record = parse_record(values[i]);
    const bool is_new = record.beat != peer.record.beat || record.state != State::kAlive;
    peer.silent_beats = is_new ? 0 : peer.silent_beats + (is_beat ? 1 : 0);
    peer.record = std::move(record);
  }
}

bool Peers::is_silent(const Peer& peer, bool is_broken) const {
  const std::int64_t limit = is_broken ? limits_.silent_beats_once_broken : limits_.silent_beats;
  return peer.has_come && peer.record.state == State::kAlive && peer.silent_beats >= limit;
}

std::optional<std::string> Peers::verdict(bool is_broken) const {
  for (const Peer& peer : peers_) {
    if (peer.record.state == State::kEnded) {
      return peer.record.text;
    }
  }
  for (const Peer& peer : peers_) {
    if (is_silent(peer, is_broken)) {
      return death_line(peer.rank, world_, peer.record.text);
    }
  }
  return std::nullopt;
}

std::vector<std::int64_t> Peers::missing() const {
  std::vector<std::int64_t> ranks;
  for (const Peer& peer : peers_) {
    if (!peer.has_come) {
      ranks.push_back(peer.rank);
    }
  }
  return ranks;
}

bool Peers::have_all_left(bool is_broken) const {
  return std::all_of(peers_.begin(), peers_.end(), [&](const Peer& peer) {
    return !peer.has_come || peer.record.state != State::kAlive || is_silent(peer, is_broken);
  });
}

std::optional<std::string> Peers::death_of(std::int64_t rank) const {
  for (const Peer& peer : peers_) {
    if (peer.rank == rank) {
      return death_line(rank, world_, peer.record.text);
    }
  }
  return std::nullopt;
}

}  // namespace medisyn
