#pragma once

/// The process as a job of the shell: foreground, background, and suspension (Ctrl-Z).
namespace sluice::cli {

/// Returns whether this process is in the foreground of terminal `fd`. Also true if `fd` is not the
/// controlling terminal. Does not block. Any thread.
bool in_foreground(int fd);

/// Starts to count how often the process was continued (SIGCONT). Main thread.
void count_continues();

/// Returns how often the process was continued since count_continues(). The shell may have written
/// to the terminal meanwhile. Any thread.
int times_continued();

}  // namespace sluice::cli
