#include "tools/sluice/stop.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <initializer_list>

namespace sluice::cli {
namespace {

volatile sig_atomic_t signal_received = 0;

void stop_at_once(int number) {
  static constexpr char text[] =
      "sluice: stopped without waiting for what was under way; 'sluice resume' goes on\n";
  // Nothing is to be done where that cannot be written.
  if (::write(STDERR_FILENO, text, sizeof text - 1) < 0) ::_exit(128 + number);
  ::_exit(128 + number);
}

void on_stop(int number) {
  if (signal_received != 0) stop_at_once(number);
  signal_received = number;
  // People, and Slurm, expect an end within two seconds.
  itimerval soon{};
  soon.it_value.tv_sec = 1;
  soon.it_value.tv_usec = 500'000;
  ::setitimer(ITIMER_REAL, &soon, nullptr);
}

void on_alarm(int) {
  stop_at_once(signal_received);
}

}  // namespace

void catch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_alarm;
  sigaction(SIGALRM, &action, nullptr);
  action.sa_handler = on_stop;
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction before {};
    sigaction(number, nullptr, &before);
    if (before.sa_handler != SIG_IGN) sigaction(number, &action, nullptr);
  }
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
}

int stop_signal() {
  return signal_received;
}

}  // namespace sluice::cli
