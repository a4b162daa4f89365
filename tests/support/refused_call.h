#pragma once

#include <cstdint>
#include <optional>

namespace sluice::test {

/// Makes the system call `number` (SYS_...) fail with `code` in the calling thread, as if the
/// kernel did not support it; with `second`, only calls with that second argument. Returns false if
/// the system has no seccomp(2).
bool refuse_call(long number, int code, std::optional<std::uint32_t> second = std::nullopt);

}  // namespace sluice::test
