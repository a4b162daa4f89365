#include "tools/sluice/process/job_control.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace sluice::cli {
namespace {

std::atomic<int> continued = 0;
static_assert(std::atomic<int>::is_always_lock_free);  // signal handlers may use it

void on_continue(int) {
  ++continued;
}

}  // namespace

bool in_foreground(int fd) {
  const pid_t group = ::tcgetpgrp(fd);
  return group < 0 || group == ::getpgrp();
}

void count_continues() {
  struct sigaction action {};
  action.sa_handler = on_continue;
  action.sa_flags = SA_RESTART;
  sigaction(SIGCONT, &action, nullptr);
}

int times_continued() {
  return continued;
}

}  // namespace sluice::cli
