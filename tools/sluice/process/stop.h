#pragma once

#include <chrono>

/// Stop signals: SIGINT (Ctrl-C); SIGTERM, which batch systems send before SIGKILL; SIGUSR1 and
/// SIGUSR2 (sbatch --signal, SGE); SIGXCPU (a limit on CPU time).
namespace sluice::cli {

/// Installs handlers. The first stop signal is recorded for stop_signal(); a second one ends the
/// process at once (except SIGXCPU, which the kernel repeats). If the process has not ended `most`
/// after the first signal, for example because a disk does not respond, the timer signal SIGALRM
/// ends it, too: the journal is complete by then. The exit code is 128 + the first signal. Ignores
/// SIGHUP and SIGPIPE: a closed terminal or pipe does not end an upload. Signals that were ignored
/// at the start of the process (nohup, background jobs) stay ignored. A SIGALRM from another
/// process counts as a stop signal. Main thread. The default of `most`: users and Slurm expect an
/// end within two seconds.
void catch_stop_signals(std::chrono::milliseconds most = std::chrono::milliseconds(1500));

/// Returns the first stop signal received, or 0. Any thread.
int stop_signal();

}  // namespace sluice::cli
