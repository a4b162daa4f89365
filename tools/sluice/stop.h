#pragma once

/// Being asked to stop: Ctrl-C, or SIGTERM, which a batch system sends before it kills.
namespace sluice::cli {

/// From now on the first SIGINT or SIGTERM is remembered, and a second one ends the program at
/// once. So does the first one if the program has not ended 1.5 s later (a disk that does not
/// answer): the journal has everything by then. SIGHUP, SIGPIPE do nothing: neither a terminal that
/// is gone nor a reader of our output that went away is a reason to give up an upload. What was
/// ignored when the program started (nohup, a shell's background job) stays ignored.
void catch_stop_signals();

/// The signal that asked to stop, or 0.
int stop_signal();

}  // namespace sluice::cli
