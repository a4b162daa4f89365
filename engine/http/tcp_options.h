#pragma once

#include <sys/socket.h>

#include <cstdint>

/// What a socket is told before it connects, so that one connection sends as fast as a long way
/// allows. bench/README.md has the figures.
namespace sluice {

/// Readies a TCP socket that will connect to `peer`, an IPv4 or IPv6 address in full, to send much:
/// BBR, a send buffer that is not the limit, little in it that has not gone out. Towards this
/// machine itself only Reno, as BBR's pacing costs cycles and there is nothing to pace. What the
/// kernel or its administrator does not allow stays as it was. Any thread.
void prepare_to_send_much(int socket, const sockaddr& peer) noexcept;

/// What to ask for as SO_SNDBUF, of which the kernel takes no more than `most` (net.core.wmem_max)
/// and makes twice that; 0 where asking would give less than `grows_to` (the last of
/// net.ipv4.tcp_wmem), which a socket reaches that nobody asks. All in bytes.
int send_buffer_to_ask_for(std::uint64_t most, std::uint64_t grows_to);

/// The last number in a file of /proc/sys; 0 where there is none. Any thread.
std::uint64_t last_number(const char* path);

}  // namespace sluice
