#include "io/sigbus_guard.h"

#include <setjmp.h>
#include <signal.h>

#include <atomic>
#include <cstdint>
#include <cstring>

namespace sluice {
namespace {

struct Guard {
  sigjmp_buf jump;
  std::span<const std::byte> range;
};

// Constant initialisation in a static library makes the handler's access a plain load, without
// allocation.
constinit thread_local Guard* current = nullptr;

// The previous action for SIGBUS. Written once, before on_sigbus is installed.
struct sigaction previous {};

bool is_in_guarded_range(const siginfo_t& info) {
  // si_code <= 0: a process sent the signal; si_addr is not valid then.
  if (current == nullptr || info.si_code <= 0) return false;
  const auto address = reinterpret_cast<std::uintptr_t>(info.si_addr);
  const auto begin = reinterpret_cast<std::uintptr_t>(current->range.data());
  return address >= begin && address - begin < current->range.size();
}

/// Does what the previous action for SIGBUS would do.
void run_previous_action(int number, siginfo_t* info, void* context) {
  if ((previous.sa_flags & SA_SIGINFO) != 0) return previous.sa_sigaction(number, info, context);
  const bool fault = info->si_code > 0;
  if (previous.sa_handler == SIG_IGN && !fault) return;
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    return previous.sa_handler(number);
  }
  // The default action. Applies also to a fault with SIG_IGN, as in the kernel. After a fault the
  // instruction runs again and ends the process, with the right address in the core file.
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(number, &standard, nullptr);
  if (!fault) ::raise(number);
}

void on_sigbus(int number, siginfo_t* info, void* context) {
  if (is_in_guarded_range(*info)) siglongjmp(current->jump, 1);
  run_previous_action(number, info, context);
}

bool install() {
  ::sigaction(SIGBUS, nullptr, &previous);
  struct sigaction action {};
  action.sa_sigaction = on_sigbus;
  // SA_ONSTACK: the previous handler, for example of a crash reporter, may need its own stack.
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
  volatile bool copied = false;  // volatile: keeps its value across siglongjmp()
  // savemask 0: SIGBUS is blocked after the jump, as in the handler; the old mask is restored
  // below.
  if (sigsetjmp(guard.jump, 0) == 0) {
    current = &guard;
    // Keep the compiler from moving the copy out of the guarded section.
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
