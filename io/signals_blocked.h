#pragma once

#include <pthread.h>
#include <signal.h>

namespace sluice {

/// Blocks all signals except SIGBUS for the calling thread while it exists; threads started
/// meanwhile inherit the mask. Signals are handled by the program's own threads, and SIGPIPE from a
/// write must not end the process. SIGBUS stays unblocked for io/sigbus_guard.h; the kernel kills a
/// process that faults with SIGBUS blocked.
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
