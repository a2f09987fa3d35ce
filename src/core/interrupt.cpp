#include "medisyn/core/interrupt.h"

#include <atomic>
#include <csignal>

namespace medisyn {
namespace {

volatile std::sig_atomic_t caught_signal = 0;
std::atomic<bool> save_signal{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler must not wait");

void remember(int signal) {
  if (caught_signal != 0) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  caught_signal = signal;
}

void remember_to_save(int) { save_signal = true; }

/// A launcher starts its ranks with SIGUSR1 held back, so that none is killed by it before this moment.
void let_through(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace

void watch_interrupts() {
  std::signal(SIGINT, remember);
  std::signal(SIGTERM, remember);
  std::signal(SIGUSR1, remember_to_save);
  let_through(SIGUSR1);
}

bool interrupted() { return caught_signal != 0; }

int interrupt_exit_code() { return caught_signal == 0 ? 0 : 128 + caught_signal; }

bool save_requested() { return save_signal.exchange(false); }

}  // namespace medisyn
