// Random patients, studies, videos, equal files and near-duplicates, and their groups found the slow way.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "medisyn/curate/assign_split.h"

namespace medisyn {

/// What assign_split is given.
struct SplitGraph {
  std::vector<Record> records;
  std::vector<SplitLink> links;
  std::vector<Record> earlier;
};

class GraphMaker {
 public:
  explicit GraphMaker(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t n) { return random_() % n; }
  bool chance(double share) { return static_cast<double>(below(1'000'000)) < share * 1e6; }
  std::string side() { return kSideNames[below(kSides)]; }

  /// One image; ids are drawn out of `pool` values each.
  void add_image(SplitGraph& graph, std::size_t pool) {
    Record record;
    record.id = fmt::format("image-{:03}", images_++);
    record.file_name = record.id + ".png";
    record.sha256 = chance(0.02) ? "same" : record.id;
    record.repository = fmt::format("repository-{}", below(3));
    record.image_type = "CT";
    record.patient_id = chance(0.9) ? fmt::format("patient-{}", below(pool)) : "";
    record.study_id = chance(0.2) ? fmt::format("study-{}", below(2 * pool)) : "";
    record.video_id = chance(0.1) ? fmt::format("video-{}", below(2 * pool)) : "";
    for (std::size_t label = below(4); label > 0; --label) {
      record.labels.push_back(fmt::format("class {}", below(4)));
    }
    graph.records.push_back(record);
    graph.links.push_back({.cluster = chance(0.15) ? static_cast<std::int64_t>(below(pool)) : -1});
  }

  SplitGraph make() {
    SplitGraph graph;
    const std::size_t pool = 1 + below(40);
    for (std::size_t n = 1 + below(60); n > 0; --n) {
      add_image(graph, pool);
    }
    return graph;
  }

  /// Sides that the repositories give: to a few images, to whole patients, or to both halves of subjects that
  /// are divided on purpose.
  void fix_sides(SplitGraph& graph) {
    const std::size_t how = below(4);
    for (std::size_t i = 0; i < graph.records.size(); ++i) {
      Record& record = graph.records[i];
      if (how == 1 && chance(0.1)) {
        record.split = side();
      } else if (how == 2 && record.patient_id.ends_with("1")) {
        record.split = "test";
      } else if (how == 3 && (record.patient_id.ends_with("1") || record.patient_id.ends_with("2"))) {
        record.split = chance(0.5) ? "train" : "test";
        graph.links[i].is_part = chance(0.95);
      }
    }
  }

  /// Copies that only tie.
  void leave_out(SplitGraph& graph) {
    for (SplitLink& link : graph.links) {
      link.is_left_out = link.cluster >= 0 && chance(0.5);
    }
  }

  /// Sides of an earlier run, as arbitrary as they can be, and images that are gone.
  void add_earlier(SplitGraph& graph) {
    SplitGraph all = graph;
    for (std::size_t n = below(10); n > 0; --n) {
      add_image(all, 20);
    }
    for (Record& record : all.records) {
      if (chance(0.5)) {
        record.split = side();
        record.group_id = record.patient_id + (chance(0.1) ? "/" + record.split : "");
        graph.earlier.push_back(record);
      }
    }
  }

 private:
  std::mt19937 random_;
  int images_ = 0;
};

/// Images and what is gone of the earlier run, compared pair by pair.
class SlowGroups {
 public:
  struct Node {
    Record record;
    std::int64_t cluster = -1;
    bool is_left_out = false;
    std::string part{};  ///< the side of a part of a divided subject
    std::string fixed{}, earlier{};
    std::size_t group = 0;
    std::vector<std::string> values{};  ///< of each kind of tie; "": none
  };

  explicit SlowGroups(const SplitGraph& graph) {
    for (std::size_t i = 0; i < graph.records.size(); ++i) {
      const Record& record = graph.records[i];
      const SplitLink& link = graph.links[i];
      nodes.push_back({.record = record,
                       .cluster = link.cluster,
                       .is_left_out = link.is_left_out,
                       .part = link.is_part ? record.split : "",
                       .fixed = link.is_left_out ? "" : record.split});
    }
    for (const Record& record : graph.earlier) {
      const auto same = std::find_if(nodes.begin(), nodes.end(),
                                     [&](const Node& node) { return node.record.id == record.id; });
      if (same != nodes.end()) {
        same->earlier = record.split;
      } else {
        const bool was_part = record.group_id.ends_with("/" + record.split);
        nodes.push_back({.record = record, .part = was_part ? record.split : "", .earlier = record.split});
      }
    }
    join();
  }

  /// The side worst to leak into; "" of none.
  static std::string worst(const std::vector<std::string>& sides) {
    for (const char* side : {"test", "validation", "train"}) {
      if (std::find(sides.begin(), sides.end(), side) != sides.end()) {
        return side;
      }
    }
    return "";
  }

  /// What must become of a group; "" where it is free.
  std::string due_side(std::size_t group) const {
    std::vector<std::string> fixed, earlier;
    for (const Node& node : nodes) {
      if (node.group == group) {
        fixed.push_back(node.fixed);
        earlier.push_back(node.earlier);
      }
    }
    return worst(fixed).empty() ? worst(earlier) : worst(fixed);
  }

  std::vector<Node> nodes;

 private:
  /// Whether all nodes with this value are parts of one subject.
  bool is_divided(std::size_t kind, const std::string& value) const {
    std::string subject;
    for (const Node& node : nodes) {
      if (node.values[kind] != value) {
        continue;
      }
      if (node.part.empty() || node.record.patient_id.empty() ||
          (!subject.empty() && subject != node.record.patient_id)) {
        return false;
      }
      subject = node.record.patient_id;
    }
    return kind != 0;
  }

  bool are_tied(const Node& a, const Node& b) const {
    for (std::size_t kind = 0; kind < a.values.size(); ++kind) {
      if (!a.values[kind].empty() && a.values[kind] == b.values[kind] &&
          (a.part == b.part || !is_divided(kind, a.values[kind]))) {
        return true;
      }
    }
    return false;
  }

  void join() {
    for (Node& node : nodes) {
      node.values = {node.is_left_out ? "" : node.record.sha256, node.record.patient_id, node.record.study_id,
                     node.record.video_id, node.cluster < 0 ? "" : std::to_string(node.cluster)};
    }
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      nodes[i].group = i;
      for (std::size_t j = 0; j < i; ++j) {
        if (nodes[i].group != nodes[j].group && are_tied(nodes[i], nodes[j])) {
          const std::size_t old = nodes[i].group;
          for (Node& node : nodes) {
            node.group = node.group == old ? nodes[j].group : node.group;
          }
        }
      }
    }
  }
};

}  // namespace medisyn
