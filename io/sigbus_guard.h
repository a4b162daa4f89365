#pragma once

#include <cstddef>
#include <span>

namespace sluice {

/// memcpy from a mapped file whose pages may be gone: the kernel answers a touch of such a page
/// with SIGBUS, which ends the process by default. False where that happened; part of `to` may be
/// written.
///
/// Any thread, any number at once. The first call installs a handler for SIGBUS, for good. A SIGBUS
/// that comes from anywhere but a guarded range goes on to the handler that was there before, or
/// does what it would have done without us. SIGBUS is unblocked during the copy, as the kernel
/// kills a process that faults with it blocked. A handler that somebody installs later takes the
/// guard away.
[[nodiscard]] bool guarded_copy(std::byte* to, std::span<const std::byte> from);

}  // namespace sluice
