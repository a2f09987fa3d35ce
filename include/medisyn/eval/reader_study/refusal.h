// What the server says no to.
#pragma once

#include <stdexcept>
#include <string>

namespace medisyn {

/// A request that is not answered: its HTTP status, and one line for whoever sent it. Nothing was stored.
class Refusal : public std::runtime_error {
 public:
  Refusal(int status, const std::string& message) : std::runtime_error(message), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

}  // namespace medisyn
