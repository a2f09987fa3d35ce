// Ctrl-C and SIGTERM as a question that loops ask.
#pragma once

namespace medisyn {

/// Installs handlers for SIGINT and SIGTERM that only remember the signal. A second Ctrl-C ends at once.
void watch_interrupts();

/// True once SIGINT or SIGTERM came: save and leave.
bool interrupted();

/// 130 after SIGINT, 143 after SIGTERM, 0 when neither came.
int interrupt_exit_code();

}  // namespace medisyn
