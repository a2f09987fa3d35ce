// The store in which the ranks of a job meet, and what each writes there about itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "medisyn/dist/rendezvous.h"

namespace medisyn {

/// Rendezvous::job of ranks that run_ranks() started: its store lives as long as they.
inline constexpr const char* kLaunchedJob = "medisyn";

using StorePointer = c10::intrusive_ptr<c10d::Store>;

/// Serves a store to this machine alone, on a port that the system chooses.
c10::intrusive_ptr<c10d::TCPStore> serve_store();

/// A connection of its own to the job's store, which is served by this process when `serves`. One connection
/// answers one question at a time: threads that must not wait for each other have one each. Waits until the
/// store is there. Error when it does not come, or the port is taken.
StorePointer join_store(const Rendezvous& rendezvous, bool serves, std::chrono::milliseconds timeout);

/// What a rank says of itself in the store, under rank_key().
struct RankRecord {
  enum class State {
    kAlive,
    kDone,   ///< it ended well, or leaves because another ended: nobody waits for it
    kEnded,  ///< it failed or died
  };
  State state = State::kAlive;
  std::int64_t beat = 0;  ///< counts up while it is alive
  std::string text;       ///< kAlive: its phase; kEnded: the line that tells rank, phase and reason
};

std::string rank_key(std::int64_t rank);
void write_record(c10d::Store& store, std::int64_t rank, const RankRecord& record);
RankRecord parse_record(const std::vector<std::uint8_t>& bytes);

/// "rank 1 of 4 died in: step 12: backward"
std::string death_line(std::int64_t rank, std::int64_t world, const std::string& phase);

}  // namespace medisyn
