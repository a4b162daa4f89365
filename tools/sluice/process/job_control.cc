#include "tools/sluice/process/job_control.h"

#include <signal.h>
#include <unistd.h>

namespace sluice::cli {
namespace {

volatile sig_atomic_t continued = 0;

void on_continue(int) {
  continued = continued + 1;
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
