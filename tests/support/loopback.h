#pragma once

#include <netinet/in.h>

#include <cstdint>

/// Sockets of servers that only this machine can reach.
namespace sluice::test {

/// 127.0.0.1 and that port.
sockaddr_in loopback(std::uint16_t port);

/// Lets a TCP socket listen there, at a free port, which is the answer. std::system_error where
/// that cannot be, or `socket` is none.
std::uint16_t listen_on_loopback(int socket);

}  // namespace sluice::test
