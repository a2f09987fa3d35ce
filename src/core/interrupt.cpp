#include "medisyn/core/interrupt.h"

#include <csignal>

namespace medisyn {
namespace {

volatile std::sig_atomic_t caught_signal = 0;

void remember(int signal) {
  if (caught_signal != 0) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  caught_signal = signal;
}

}  // namespace

void watch_interrupts() {
  std::signal(SIGINT, remember);
  std::signal(SIGTERM, remember);
}

bool interrupted() { return caught_signal != 0; }

int interrupt_exit_code() { return caught_signal == 0 ? 0 : 128 + caught_signal; }

}  // namespace medisyn
