#include "medisyn/core/interrupt.h"

#include <gtest/gtest.h>

#include <csignal>

namespace medisyn {
namespace {

TEST(Interrupt, RemembersTheSignalAndItsExitCode) {
  watch_interrupts();
  EXPECT_FALSE(interrupted());
  EXPECT_EQ(interrupt_exit_code(), 0);
  std::raise(SIGTERM);
  EXPECT_TRUE(interrupted());
  EXPECT_EQ(interrupt_exit_code(), 143);
}

TEST(Interrupt, ARequestToSaveIsToldOnceAndInterruptsNothing) {
  watch_interrupts();
  EXPECT_FALSE(save_requested());
  const bool before = interrupted();
  std::raise(SIGUSR1);
  EXPECT_TRUE(save_requested());
  EXPECT_FALSE(save_requested());
  EXPECT_EQ(interrupted(), before);
}

TEST(Interrupt, ARequestThatWasHeldBackSinceTheStartIsNotLost) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::raise(SIGUSR1);
  EXPECT_FALSE(save_requested());
  watch_interrupts();
  EXPECT_TRUE(save_requested());
}

TEST(InterruptDeathTest, SecondCtrlCEndsAtOnce) {
  EXPECT_EXIT(
      {
        watch_interrupts();
        std::raise(SIGINT);
        std::raise(SIGINT);
      },
      testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace medisyn
