#pragma once

#include <chrono>

/// Being asked to stop: Ctrl-C, SIGTERM, which a batch system sends before it kills, or what others
/// of them send instead: SIGUSR1 and SIGUSR2 (sbatch --signal, SGE), SIGXCPU (a limit on CPU time).
namespace sluice::cli {

/// Remembers the first of those signals from now on, and ends the program at once at a second one
/// (but for SIGXCPU, which the kernel repeats). The first one does so too if the program has not
/// ended `most` later (a disk that does not answer): the journal has everything by then. The exit
/// code is 128 + the first signal. SIGHUP and SIGPIPE do nothing: neither a terminal that is gone
/// nor a reader of our output that went away is a reason to give up an upload. What was ignored
/// when the program started (nohup, a shell's background job) stays ignored. SIGALRM is the
/// timer's; one from elsewhere counts as a stop signal. Main thread.
/// `most`: people, and Slurm, expect an end within two seconds.
void catch_stop_signals(std::chrono::milliseconds most = std::chrono::milliseconds(1500));

/// Returns the signal that asked to stop, or 0. Any thread.
int stop_signal();

}  // namespace sluice::cli
