#include <algorithm>
#include <functional>

#include "medisyn/stats/fleiss_kappa.h"
#include "reader_sheets.h"

namespace medisyn {
namespace {

/// Category of a reader's answer about one item; none where it is open.
using Category = std::function<std::optional<std::size_t>(const ReaderAnswer&)>;
struct Item {
  std::string trial;
  Category category;
};

Agreement agreement_of(const std::string& group, const std::string& question,
                       const std::vector<ReaderSheet>& readers, const std::vector<Item>& items,
                       std::size_t categories) {
  const auto category_of = [](const ReaderSheet& reader, const Item& item) -> std::optional<std::size_t> {
    const auto answer = reader.answers.find(item.trial);
    return answer == reader.answers.end() ? std::nullopt : item.category(*answer->second);
  };
  std::vector<const ReaderSheet*> raters;
  for (const ReaderSheet& reader : readers) {
    if (std::any_of(items.begin(), items.end(),
                    [&](const Item& item) { return category_of(reader, item).has_value(); })) {
      raters.push_back(&reader);
    }
  }
  std::vector<std::vector<std::int64_t>> counts;
  for (const Item& item : items) {
    std::vector<std::int64_t> row(categories, 0);
    std::size_t answers = 0;
    for (const ReaderSheet* reader : raters) {
      if (const auto category = category_of(*reader, item)) {
        ++row[*category];
        ++answers;
      }
    }
    if (answers == raters.size() && answers > 0) {
      counts.push_back(std::move(row));
    }
  }
  return {group, question, std::ssize(raters), std::ssize(counts), fleiss_kappa(counts)};
}

}  // namespace

void score_agreement(const StudyKey& key, const ReaderSheets& sheets, StudyScore& score) {
  std::vector<Item> marks, classes, qualities;
  for (const auto& [id, trial] : key.trials) {
    if (trial.part == PartKind::kPairs) {
      for (const std::size_t side : {0U, 1U}) {
        marks.push_back({id, [side](const ReaderAnswer& answer) {
                           const auto mark = mark_of(answer, side);
                           return mark ? std::optional<std::size_t>(*mark ? 1 : 0) : std::nullopt;
                         }});
      }
    } else {
      classes.push_back({id, [&key](const ReaderAnswer& answer) {
                           return answer.class_name ? std::optional(class_number(key, *answer.class_name))
                                                    : std::nullopt;
                         }});
      qualities.push_back({id, [](const ReaderAnswer& answer) {
                             return answer.quality_sufficient
                                        ? std::optional(static_cast<std::size_t>(*answer.quality_sufficient))
                                        : std::nullopt;
                           }});
    }
  }
  for (const auto& [group, readers] : sheets) {
    score.agreement.push_back(agreement_of(group, "synthetic", readers, marks, 2));
    score.agreement.push_back(agreement_of(group, "class", readers, classes, key.classes.size()));
    score.agreement.push_back(agreement_of(group, "quality", readers, qualities, 2));
  }
}

}  // namespace medisyn
