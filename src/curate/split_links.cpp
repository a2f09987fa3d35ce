#include "split_links.h"

#include <optional>
#include <unordered_map>

#include "medisyn/core/error.h"
#include "medisyn/data/disjoint.h"

namespace medisyn {
namespace {

/// Slots of a key: one a side for the parts of a subject that stands on both sides on purpose, and one that
/// ties all.
constexpr Index kSlots = 4;
constexpr Index kTiesAll = 3;

/// The earlier sides of the images, and the earlier records whose images are gone as further nodes.
void add_earlier(const std::vector<Record>& records, const std::vector<Record>& earlier, SplitNodes& nodes) {
  std::unordered_map<std::string_view, std::size_t> by_id;
  by_id.reserve(earlier.size());
  for (std::size_t i = 0; i < earlier.size(); ++i) {
    by_id.emplace(earlier[i].id, i);
  }
  std::vector<bool> is_there(earlier.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto found = by_id.find(records[i].id);
    if (found != by_id.end()) {
      is_there[found->second] = true;
      nodes.earlier[i] = parse_side(earlier[found->second].split, "the earlier manifest");
    }
  }
  for (std::size_t i = 0; i < earlier.size(); ++i) {
    const Side side = parse_side(earlier[i].split, "the earlier manifest");
    if (!is_there[i] && side != Side::kFree) {
      nodes.record.push_back(&earlier[i]);
      nodes.part.push_back(is_part_of_subject(earlier[i]) ? side : Side::kFree);
      nodes.fixed.push_back(Side::kFree);
      nodes.earlier.push_back(side);
    }
  }
}

/// Numbers the values from 0 in the order of their first nodes; kNone where `value_of` gives nothing.
template <class Value, class ValueOf>
std::vector<Index> number_values(std::size_t nodes, ValueOf value_of) {
  std::unordered_map<Value, Index> numbers;
  std::vector<Index> keys(nodes, kNone);
  for (std::size_t i = 0; i < nodes; ++i) {
    const std::optional<Value> value = value_of(i);
    if (value) {
      keys[i] = numbers.emplace(*value, static_cast<Index>(numbers.size())).first->second;
    }
  }
  return keys;
}

std::vector<Index> number_texts(const SplitNodes& nodes, std::string Record::*field,
                                bool left_out_too = true) {
  return number_values<std::string_view>(nodes.size(), [&](std::size_t i) {
    const std::string& text = nodes.record[i]->*field;
    const bool is_passed_over = !left_out_too && i < nodes.images && nodes.is_left_out[i];
    return text.empty() || is_passed_over ? std::nullopt : std::optional<std::string_view>(text);
  });
}

/// For each key, the one subject of which all its images are parts; kNone where another image has it too.
std::vector<Index> divided_subjects(const SplitNodes& nodes, const std::vector<Index>& keys,
                                    const std::vector<Index>& patients) {
  std::vector<Index> subject;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Index key = keys[i];
    if (key == kNone) {
      continue;
    }
    const Index own = nodes.part[i] != Side::kFree ? patients[i] : kNone;
    if (key == subject.size()) {
      subject.push_back(own);
    } else if (subject[key] != own) {
      subject[key] = kNone;
    }
  }
  return subject;
}

/// Gives every key its slot.
void divide_keys(const SplitNodes& nodes, const std::vector<Index>& subject, std::vector<Index>& keys) {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (keys[i] != kNone) {
      const bool is_divided = subject[keys[i]] != kNone;
      keys[i] = keys[i] * kSlots + (is_divided ? static_cast<Index>(nodes.part[i]) : kTiesAll);
    }
  }
}

}  // namespace

Side parse_side(const std::string& text, std::string_view where) {
  for (std::size_t side = 0; side < kSides; ++side) {
    if (text == kSideNames[side]) {
      return static_cast<Side>(side);
    }
  }
  if (!text.empty()) {
    fail("{}: split: expected train, validation or test, found {:?}", where, text);
  }
  return Side::kFree;
}

std::string side_name(Side side) {
  return side == Side::kFree ? "" : kSideNames[static_cast<std::size_t>(side)];
}

SplitNodes make_nodes(const std::vector<Record>& records, const std::vector<SplitLink>& links,
                      const std::vector<Record>& earlier) {
  constexpr std::size_t kMost = kNone / kSlots;
  if (records.size() + earlier.size() >= kMost) {
    fail("split: expected fewer than {} records, found {} and {} earlier ones", kMost, records.size(),
         earlier.size());
  }
  if (!links.empty() && links.size() != records.size()) {
    throw std::invalid_argument("assign_split: expected one link a record");
  }
  SplitNodes nodes;
  nodes.images = records.size();
  nodes.earlier.assign(records.size(), Side::kFree);
  for (std::size_t i = 0; i < records.size(); ++i) {
    nodes.record.push_back(&records[i]);
    const SplitLink link = links.empty() ? SplitLink{} : links[i];
    const Side side = parse_side(records[i].split, records[i].id);
    nodes.part.push_back(link.is_part ? side : Side::kFree);
    nodes.fixed.push_back(link.is_left_out ? Side::kFree : side);
    nodes.is_left_out.push_back(link.is_left_out);
  }
  add_earlier(records, earlier, nodes);

  const auto key_of = [&](LinkKind kind) -> std::vector<Index>& {
    return nodes.key[static_cast<std::size_t>(kind)];
  };
  key_of(LinkKind::kPatient) = number_texts(nodes, &Record::patient_id);
  key_of(LinkKind::kStudy) = number_texts(nodes, &Record::study_id);
  key_of(LinkKind::kVideo) = number_texts(nodes, &Record::video_id);
  key_of(LinkKind::kFile) = number_texts(nodes, &Record::sha256, false);
  key_of(LinkKind::kNearDuplicates) = number_values<std::int64_t>(nodes.size(), [&](std::size_t i) {
    const bool has_one = i < links.size() && links[i].cluster >= 0;
    return has_one ? std::optional(links[i].cluster) : std::nullopt;
  });
  const std::vector<Index> patients = key_of(LinkKind::kPatient);
  for (std::size_t kind = 0; kind < kLinkKinds; ++kind) {
    std::vector<Index>& keys = nodes.key[kind];
    // One file on both sides is never on purpose.
    const bool may_divide = static_cast<LinkKind>(kind) != LinkKind::kFile;
    divide_keys(
        nodes, may_divide ? divided_subjects(nodes, keys, patients) : std::vector<Index>(nodes.size(), kNone),
        keys);
  }
  return nodes;
}

}  // namespace medisyn
