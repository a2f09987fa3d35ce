// Filters on a manifest: `specialty=Dermatology and (split=train or split=validation) and not labels="no
// finding"`.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "medisyn/data/manifest.h"

namespace medisyn {

// Grammar (keywords in any case):
//   expression := term { "or" term }
//   term       := factor { "and" factor }
//   factor     := "not" factor | "(" expression ")" | field ("=" | "==" | "!=") value
//   value      := a word | "quoted" | 'quoted', with backslash before a quote
// Fields are those of Record; `labels=x` holds when any label is x. Values are compared exactly.
class Filter {
 public:
  explicit Filter(std::function<bool(const Record&)> test) : test_(std::move(test)) {}
  bool operator()(const Record& record) const { return test_(record); }

 private:
  std::function<bool(const Record&)> test_;
};

/// Error with the position (from 1) for bad syntax, and with the nearest field for an unknown one.
Filter parse_filter(const std::string& expression);

bool matches(const Filter& filter, const Record& record);

/// The records that match, in order; "" keeps all. Error when none is left, naming the expression.
Manifest filtered(Manifest manifest, const std::string& expression);

}  // namespace medisyn
