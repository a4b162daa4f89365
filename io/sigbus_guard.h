#pragma once

#include <cstddef>
#include <span>

namespace sluice {

/// Copies bytes of a mapped file, like memcpy. Returns false if a page could not be read: the
/// kernel then sends SIGBUS, which would end the process by default. After false, `to` may be
/// partly written.
///
/// Any thread, any number of calls at once. The first call installs a handler for SIGBUS
/// permanently. A SIGBUS outside the guarded range goes to the previous handler, or has the default
/// effect. SIGBUS is unblocked during the copy, because the kernel kills a process that faults with
/// SIGBUS blocked. A handler that other code installs later disables the guard.
[[nodiscard]] bool guarded_copy(std::byte* to, std::span<const std::byte> from);

}  // namespace sluice
