#pragma once

/// What the shell does with the program: jobs in the foreground and in the background, Ctrl-Z.
namespace sluice::cli {

/// Whether this program's job has the terminal `fd`. True also where that is no terminal, or not
/// the controlling one: jobs have nothing to do with it then. Does not block. Any thread.
bool in_foreground(int fd);

/// Counts from now on how often the program was stopped (Ctrl-Z) and continued. Main thread.
void count_continues();

/// How often the program was continued since count_continues(). The shell may have written to the
/// terminal meanwhile. Any thread.
int times_continued();

}  // namespace sluice::cli
