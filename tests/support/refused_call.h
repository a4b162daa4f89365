#pragma once

#include <cstdint>
#include <optional>

namespace sluice::test {

/// From now on the system call `number` (SYS_...) fails with `code` in the calling thread, as where
/// the kernel does not know it; with `second`, only those that have it as their second argument.
/// False: this system has no filter of system calls (seccomp(2)).
bool refuse_call(long number, int code, std::optional<std::uint32_t> second = std::nullopt);

}  // namespace sluice::test
