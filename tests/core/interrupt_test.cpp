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
