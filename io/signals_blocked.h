#pragma once

#include <pthread.h>
#include <signal.h>

namespace sluice {

/// While one lives, threads that this thread starts are born with all signals blocked: signals are
/// for the program's own threads, and SIGPIPE from a write must not end it. But for SIGBUS, which
/// mappings of files need and which cannot be blocked usefully.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t blocked;
    sigfillset(&blocked);
    sigdelset(&blocked, SIGBUS);
    pthread_sigmask(SIG_BLOCK, &blocked, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace sluice
