// What ties the images of a split together, and the groups that come of it.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "medisyn/curate/assign_split.h"

namespace medisyn {

using Index = std::uint32_t;
constexpr Index kNone = std::numeric_limits<Index>::max();

/// In the order in which leaks into them count: the last is the worst.
enum class Side : std::uint8_t { kTrain, kValidation, kTest, kFree };

/// kFree of ""; Error naming `where` for another text than a side's.
Side parse_side(const std::string& text, std::string_view where);

/// "" of kFree.
std::string side_name(Side side);

/// Files tie images of the data set alone: copies that are left out are tied by their cluster, where that is
/// wanted (all black pictures are copies of each other).
enum class LinkKind : std::uint8_t { kPatient, kStudy, kVideo, kFile, kNearDuplicates };
constexpr std::size_t kLinkKinds = 5;

/// The images, and behind them the records of the earlier run whose images are gone. Nodes with the same key
/// of one kind belong together.
struct SplitNodes {
  std::size_t images = 0;
  std::vector<const Record*> record;  ///< [nodes]
  std::vector<Side> part;             ///< of a part of a divided subject, its side by the rule; else kFree
  std::vector<Side> fixed;            ///< by the repository's own rule; kFree of what is gone or left out
  std::vector<Side> earlier;          ///< in the earlier run
  std::vector<bool> is_left_out;      ///< [images]
  std::array<std::vector<Index>, kLinkKinds> key;  ///< [kind][node]; kNone: no such tie

  std::size_t size() const { return record.size(); }
};

SplitNodes make_nodes(const std::vector<Record>& records, const std::vector<SplitLink>& links,
                      const std::vector<Record>& earlier);

/// Groups that hold at least one image, numbered in the order of their first ones.
struct SplitGroups {
  std::vector<Index> group_of;  ///< [nodes]; kNone where all is gone
  std::vector<Index> begin;     ///< [groups + 1] into members
  std::vector<Index> members;   ///< nodes by group, in ascending order
  std::vector<Index> parts;     ///< [groups]: how many there would be without near-duplicates and equal files

  std::size_t size() const { return parts.size(); }
};

SplitGroups join_groups(const SplitNodes& nodes);

/// How an image that is fixed to one side is tied to one that is fixed to another, by the fewest ties: "a
/// (train) and b (test): a and b are near-duplicates". The group must hold two such images.
std::string explain_conflict(const SplitNodes& nodes, const SplitGroups& groups, Index group);

}  // namespace medisyn
