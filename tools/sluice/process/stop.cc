#include "tools/sluice/process/stop.h"

#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <initializer_list>

namespace sluice::cli {
namespace {

volatile sig_atomic_t signal_received = 0;

/// The time limit after the first signal. Written before the handlers are installed.
itimerval end_timeout{{0, 0}, {1, 500'000}};
/// The time limit for writing the final message.
constexpr itimerval message_timeout{{0, 0}, {0, 200'000}};

void exit_now(int) {
  ::_exit(128 + signal_received);
}

[[noreturn]] void exit_with_message() {
  static constexpr char text[] =
      "sluice: stopped without waiting for requests in flight; continue with: sluice resume\n";
  // A suspended terminal accepts no output, and others may accept only a part of the text.
  struct sigaction action {};
  action.sa_handler = exit_now;
  sigaction(SIGALRM, &action, nullptr);
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  ::pthread_sigmask(SIG_UNBLOCK, &alarm, nullptr);
  ::setitimer(ITIMER_REAL, &message_timeout, nullptr);
  pollfd error{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&error, 1, 0) > 0)
    // Ignore errors: there is no other way to report them.
    if (::write(STDERR_FILENO, text, sizeof text - 1) < 0) exit_now(0);
  ::_exit(128 + signal_received);
}

void on_stop(int number) {
  // The kernel repeats SIGXCPU every second; any other second signal is a request to end at once.
  if (signal_received != 0 && number == SIGXCPU) return;
  if (signal_received != 0) exit_with_message();
  signal_received = number;
  ::setitimer(ITIMER_REAL, &end_timeout, nullptr);
}

/// SIGALRM of the timer, or of another process that asks to stop.
void on_alarm(int number) {
  if (signal_received == 0)
    on_stop(number);
  else
    exit_with_message();
}

}  // namespace

void catch_stop_signals(std::chrono::milliseconds most) {
  end_timeout.it_value = {most.count() / 1000, most.count() % 1000 * 1000};
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
