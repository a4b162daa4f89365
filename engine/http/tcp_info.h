#pragma once

#include <optional>

#include "engine/http/messages.h"

namespace sluice {

/// Returns the kernel's data about the TCP connection `fd` (tcp(7), TCP_INFO); nullopt if `fd` is
/// not a TCP connection. Any thread.
std::optional<Answer::Network> network_of(int fd);

}  // namespace sluice
