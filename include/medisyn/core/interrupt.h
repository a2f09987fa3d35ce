// Ctrl-C, SIGTERM and SIGUSR1 as questions that loops ask.
#pragma once

namespace medisyn {

/// Installs handlers for SIGINT, SIGTERM and SIGUSR1 that only remember the signal. A second Ctrl-C ends at
/// once.
void watch_interrupts();

/// True once SIGINT or SIGTERM came: save and leave.
bool interrupted();

/// 130 after SIGINT, 143 after SIGTERM, 0 when neither came.
int interrupt_exit_code();

/// True when SIGUSR1 came since the last question: save and go on. SLURM sends it some time before a job's
/// end (`--signal=USR1@300`). The answer is told once; ranks get the signal at different moments, so a job of
/// several must agree before it saves. Commands that save nothing take no notice.
bool save_requested();

}  // namespace medisyn
