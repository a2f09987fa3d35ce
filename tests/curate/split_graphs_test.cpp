// Properties of assign_split on random graphs, against groups that are found pair by pair.
#include "split_graphs.h"

#include <map>
#include <set>

#include "../expect_error.h"
#include "medisyn/data/disjoint.h"

namespace medisyn {
namespace {

constexpr unsigned kGraphs = 1000;
SplitOptions dropping() { return {.on_conflict = OnConflict::kDrop}; }

/// The data set's images on a side.
Manifest side_of(const std::vector<Record>& records, const std::vector<SplitLink>& links,
                 const std::string& side) {
  Manifest manifest;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].split == side && !links[i].is_left_out) {
      manifest.records.push_back(records[i]);
    }
  }
  return manifest;
}

/// id -> (group, side)
std::map<std::string, std::pair<std::string, std::string>> outcome(const std::vector<Record>& records) {
  std::map<std::string, std::pair<std::string, std::string>> by_id;
  for (const Record& record : records) {
    by_id[record.id] = {record.group_id, record.split};
  }
  return by_id;
}

/// A graph with sides of its repositories in three of four, of an earlier run in every second one, and with
/// copies that are left out in every third one.
SplitGraph make_graph(unsigned seed) {
  GraphMaker maker(seed);
  SplitGraph graph = maker.make();
  maker.fix_sides(graph);
  if (seed % 2 == 0) {
    maker.add_earlier(graph);
  }
  if (seed % 3 == 0) {
    maker.leave_out(graph);
  }
  return graph;
}

TEST(SplitGraphs, NoGroupStandsOnTwoSides) {
  std::int64_t dropped = 0;
  std::int64_t moves = 0;
  std::int64_t divided = 0;  // patients that stand on two sides on purpose
  for (unsigned seed = 0; seed < kGraphs; ++seed) {
    SCOPED_TRACE(seed);
    const SplitGraph graph = make_graph(seed);
    const SlowGroups slow(graph);
    std::vector<Record> records = graph.records;
    const SplitReport report = assign_split(records, graph.links, graph.earlier, dropping());

    std::map<std::string, std::size_t> slow_of;  // group_id -> group found the slow way
    std::map<std::size_t, std::string> side_of_group;
    std::set<std::size_t> expected_drops, found_drops;
    std::map<std::pair<std::string, std::string>, std::int64_t> expected_moves, found_moves;
    std::array<std::int64_t, kSides> images{};
    std::set<std::size_t> all_groups, groups_with_images;
    for (std::size_t i = 0; i < records.size(); ++i) {
      const Record& record = records[i];
      const SlowGroups::Node& node = slow.nodes[i];
      all_groups.insert(node.group);
      const std::string due = slow.due_side(node.group);
      ASSERT_EQ(slow_of.emplace(record.group_id, node.group).first->second, node.group);
      if (!node.fixed.empty() && node.fixed != due) {
        expected_drops.insert(i);
        EXPECT_EQ(record.split, "");
        continue;
      }
      const auto side = std::find(kSideNames.begin(), kSideNames.end(), record.split);
      ASSERT_NE(side, kSideNames.end());
      EXPECT_EQ(side_of_group.emplace(node.group, record.split).first->second, record.split);
      EXPECT_TRUE(due.empty() || record.split == due);
      if (node.is_left_out) {
        continue;
      }
      groups_with_images.insert(node.group);
      ++images[static_cast<std::size_t>(side - kSideNames.begin())];
      if (!node.earlier.empty() && node.earlier != record.split) {
        ++expected_moves[{record.group_id, node.earlier}];
      }
    }
    EXPECT_EQ(slow_of.size(), all_groups.size());
    EXPECT_EQ(groups_with_images.size(), static_cast<std::size_t>(report.groups));
    EXPECT_EQ(report.images, images);
    for (const DroppedImage& image : report.dropped) {
      found_drops.insert(image.index);
      EXPECT_EQ(image.side, graph.records[image.index].split);
    }
    EXPECT_EQ(found_drops, expected_drops);
    for (const GroupMove& move : report.moves) {
      found_moves[{move.group_id, move.from}] = move.images;
    }
    EXPECT_EQ(found_moves, expected_moves);

    const Manifest train = side_of(records, graph.links, "train");
    const Manifest validation = side_of(records, graph.links, "validation");
    const Manifest test = side_of(records, graph.links, "test");
    EXPECT_NO_THROW(check_disjoint(train, "train", validation, "validation"));
    EXPECT_NO_THROW(check_disjoint(train, "train", test, "test"));
    EXPECT_NO_THROW(check_disjoint(validation, "validation", test, "test"));

    std::map<std::string, std::set<std::string>> groups_of;
    for (const Record& record : records) {
      groups_of[record.patient_id].insert(record.group_id);
    }
    groups_of.erase("");
    divided += std::count_if(groups_of.begin(), groups_of.end(),
                             [](const auto& patient) { return patient.second.size() > 1; });

    std::vector<Record> strict = graph.records;
    if (expected_drops.empty()) {
      assign_split(strict, graph.links, graph.earlier, {});
      EXPECT_EQ(outcome(strict), outcome(records));
    } else {
      EXPECT_ERROR(assign_split(strict, graph.links, graph.earlier, {}),
                   "contradict each other, the first: image-");
    }
    dropped += std::ssize(report.dropped);
    moves += std::ssize(report.moves);
  }
  EXPECT_GT(dropped, 100);  // the graphs do hold what is tested
  EXPECT_GT(moves, 1000);
  EXPECT_GT(divided, 100);
}

TEST(SplitGraphs, TheOrderOfTheRecordsDoesNotMatter) {
  std::mt19937 random(1);
  for (unsigned seed = 0; seed < kGraphs; ++seed) {
    SCOPED_TRACE(seed);
    SplitGraph graph = make_graph(seed);
    std::vector<Record> first = graph.records;
    const SplitReport report = assign_split(first, graph.links, graph.earlier, dropping());
    std::vector<std::size_t> order(first.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), random);
    std::shuffle(graph.earlier.begin(), graph.earlier.end(), random);
    std::vector<Record> second;
    std::vector<SplitLink> links;
    for (const std::size_t i : order) {
      second.push_back(graph.records[i]);
      links.push_back(graph.links[i]);
      links.back().cluster = links.back().cluster < 0 ? -1 : 1000 - links.back().cluster;
    }
    const SplitReport shuffled = assign_split(second, links, graph.earlier, dropping());
    EXPECT_EQ(outcome(first), outcome(second));
    EXPECT_EQ(report.largest.group_id, shuffled.largest.group_id);
    EXPECT_EQ(report.largest.cause, shuffled.largest.cause);
  }
}

TEST(SplitGraphs, AnOldGroupMovesOnlyWhereANewTieForcesIt) {
  std::int64_t moved = 0;
  std::int64_t kept = 0;
  for (unsigned seed = 0; seed < kGraphs; ++seed) {
    SCOPED_TRACE(seed);
    GraphMaker maker(seed);
    SplitGraph graph = maker.make();
    graph.earlier = graph.records;
    assign_split(graph.earlier, graph.links, {}, {});
    for (std::size_t n = 1 + maker.below(20); n > 0; --n) {
      maker.add_image(graph, 40);
    }
    for (std::size_t n = maker.below(3); n > 0 && graph.records.size() > 1; --n) {
      const auto gone = static_cast<std::ptrdiff_t>(maker.below(graph.records.size()));
      graph.records.erase(graph.records.begin() + gone);
      graph.links.erase(graph.links.begin() + gone);
    }
    const SlowGroups slow(graph);
    std::vector<Record> records = graph.records;
    const SplitReport report = assign_split(records, graph.links, graph.earlier, {});
    std::set<std::pair<std::string, std::string>> reported;
    for (const GroupMove& move : report.moves) {
      reported.emplace(move.group_id, move.from);
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
      const SlowGroups::Node& node = slow.nodes[i];
      if (node.earlier.empty() || records[i].split == node.earlier) {
        kept += node.earlier.empty() ? 0 : 1;
        continue;
      }
      ++moved;
      EXPECT_TRUE(reported.contains({records[i].group_id, node.earlier}));
      EXPECT_TRUE(std::any_of(slow.nodes.begin(), slow.nodes.end(), [&](const SlowGroups::Node& other) {
        return other.group == node.group && other.earlier == records[i].split;
      }));
    }
  }
  EXPECT_GT(moved, 100);
  EXPECT_GT(kept, 10000);
}

TEST(SplitGraphs, UnrelatedImagesMoveAndRenameNothing) {
  for (unsigned seed = 0; seed < kGraphs; ++seed) {
    SCOPED_TRACE(seed);
    GraphMaker maker(seed);
    SplitGraph graph = maker.make();
    std::vector<Record> first = graph.records;
    assign_split(first, graph.links, {}, {});
    SplitGraph more;
    for (std::size_t n = 1 + maker.below(50); n > 0; --n) {
      maker.add_image(more, 20);
    }
    for (std::size_t i = 0; i < more.records.size(); ++i) {
      Record record = more.records[i];
      for (std::string* id : {&record.sha256, &record.patient_id, &record.study_id, &record.video_id}) {
        *id = id->empty() ? "" : "another-" + *id;
      }
      graph.records.insert(graph.records.begin(), record);
      graph.links.insert(graph.links.begin(),
                         {.cluster = more.links[i].cluster < 0 ? -1 : 100 + more.links[i].cluster});
    }
    const SplitReport report = assign_split(graph.records, graph.links, first, {});
    EXPECT_TRUE(report.moves.empty());
    const auto second = outcome(graph.records);
    for (const auto& [id, group_and_side] : outcome(first)) {
      EXPECT_EQ(second.at(id), group_and_side);
    }
  }
}

}  // namespace
}  // namespace medisyn
