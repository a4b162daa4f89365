#pragma once

#include <optional>

#include "engine/http/messages.h"

namespace sluice {

/// What the kernel knows of the TCP connection `fd` (tcp(7), TCP_INFO). Nothing where it is no TCP
/// connection. Any thread.
std::optional<Answer::Network> network_of(int fd);

}  // namespace sluice
