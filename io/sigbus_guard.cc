#include "io/sigbus_guard.h"

#include <setjmp.h>
#include <signal.h>

#include <atomic>
#include <cstdint>
#include <cstring>

namespace sluice {
namespace {

struct Guard {
  sigjmp_buf way_out;
  std::span<const std::byte> range;
};

// Constant initialisation and a static library: the handler's access is a plain load, no
// allocation.
constinit thread_local Guard* current = nullptr;

// Written once, before our handler is installed.
struct sigaction previous {};

bool is_ours(const siginfo_t& info) {
  // A code that is not positive: sent by a process, not by a fault; si_addr means nothing then.
  if (current == nullptr || info.si_code <= 0) return false;
  const auto address = reinterpret_cast<std::uintptr_t>(info.si_addr);
  const auto begin = reinterpret_cast<std::uintptr_t>(current->range.data());
  return address >= begin && address - begin < current->range.size();
}

/// What would have happened without us.
void pass_on(int number, siginfo_t* info, void* context) {
  if ((previous.sa_flags & SA_SIGINFO) != 0) return previous.sa_sigaction(number, info, context);
  const bool fault = info->si_code > 0;
  if (previous.sa_handler == SIG_IGN && !fault) return;
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    return previous.sa_handler(number);
  }
  // The default, also for a fault that is ignored, as the kernel has it. After a fault the same
  // instruction runs again and ends the process, with the true address in its core file.
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(number, &standard, nullptr);
  if (!fault) ::raise(number);
}

void on_sigbus(int number, siginfo_t* info, void* context) {
  if (is_ours(*info)) siglongjmp(current->way_out, 1);
  pass_on(number, info, context);
}

bool install() {
  ::sigaction(SIGBUS, nullptr, &previous);
  struct sigaction action {};
  action.sa_sigaction = on_sigbus;
  // SA_ONSTACK for the sake of the handlers behind us: a crash reporter may need its own stack.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigemptyset(&action.sa_mask);
  return ::sigaction(SIGBUS, &action, nullptr) == 0;
}

}  // namespace

bool guarded_copy(std::byte* to, std::span<const std::byte> from) {
  static const bool installed = install();
  static_cast<void>(installed);

  sigset_t only_sigbus;
  sigset_t mask_before;
  ::sigemptyset(&only_sigbus);
  ::sigaddset(&only_sigbus, SIGBUS);
  ::pthread_sigmask(SIG_UNBLOCK, &only_sigbus, &mask_before);

  Guard guard;
  guard.range = from;
  volatile bool copied = false;  // volatile: it must survive the jump
  // 0: the jump leaves SIGBUS blocked, as it was in the handler; the old mask comes back below
  // anyway.
  if (sigsetjmp(guard.way_out, 0) == 0) {
    current = &guard;
    // The handler reads `current` on this thread: keep the compiler from moving the copy out.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    std::memcpy(to, from.data(), from.size());
    std::atomic_signal_fence(std::memory_order_seq_cst);
    copied = true;
  }
  current = nullptr;
  ::pthread_sigmask(SIG_SETMASK, &mask_before, nullptr);
  return copied;
}

}  // namespace sluice
