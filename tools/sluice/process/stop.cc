#include "tools/sluice/process/stop.h"

#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <initializer_list>

namespace sluice::cli {
namespace {

volatile sig_atomic_t signal_received = 0;

/// How long the program may take after the first signal. Written before signals are caught.
itimerval until_the_end{{0, 0}, {1, 500'000}};
/// How long the last words may take.
constexpr itimerval until_the_very_end{{0, 0}, {0, 200'000}};

void end_now(int) {
  ::_exit(128 + signal_received);
}

[[noreturn]] void stop_at_once() {
  static constexpr char text[] =
      "sluice: stopped without waiting for requests in flight; continue with: sluice resume\n";
  // A terminal that was stopped takes nothing, and one that takes something may not take all.
  struct sigaction action {};
  action.sa_handler = end_now;
  sigaction(SIGALRM, &action, nullptr);
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  ::pthread_sigmask(SIG_UNBLOCK, &alarm, nullptr);
  ::setitimer(ITIMER_REAL, &until_the_very_end, nullptr);
  pollfd error{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&error, 1, 0) > 0)
    // Nothing is to be done where that cannot be written.
    if (::write(STDERR_FILENO, text, sizeof text - 1) < 0) end_now(0);
  ::_exit(128 + signal_received);
}

void on_stop(int number) {
  // The kernel repeats SIGXCPU every second; whoever sends another signal twice means it.
  if (signal_received != 0 && number == SIGXCPU) return;
  if (signal_received != 0) stop_at_once();
  signal_received = number;
  ::setitimer(ITIMER_REAL, &until_the_end, nullptr);
}

/// Ours, or somebody else's who wants us to stop.
void on_alarm(int number) {
  if (signal_received == 0)
    on_stop(number);
  else
    stop_at_once();
}

}  // namespace

void catch_stop_signals(std::chrono::milliseconds most) {
  until_the_end.it_value = {most.count() / 1000, most.count() % 1000 * 1000};
  struct sigaction action {};
  for (const int number : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM}) {
    struct sigaction before {};
    sigaction(number, nullptr, &before);
    action.sa_handler = number == SIGALRM ? on_alarm : on_stop;
    if (before.sa_handler != SIG_IGN || number == SIGALRM) sigaction(number, &action, nullptr);
  }
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
}

int stop_signal() {
  return signal_received;
}

}  // namespace sluice::cli
