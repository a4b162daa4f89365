#pragma once

#include <netinet/in.h>

#include <cstdint>

/// Sockets of servers that only this machine can reach.
namespace sluice::test {

/// Returns the address 127.0.0.1 with that port.
sockaddr_in loopback(std::uint16_t port);

/// Makes a TCP socket listen on loopback, at a free port, and returns the port. Throws
/// std::system_error on failure, also if `socket` is -1.
std::uint16_t listen_on_loopback(int socket);

}  // namespace sluice::test
