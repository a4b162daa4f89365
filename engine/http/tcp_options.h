#pragma once

#include <sys/socket.h>

#include <cstdint>

/// Socket options, set before connect(), that let one connection use the full rate of a long path.
/// bench/README.md has the measurements.
namespace sluice {

/// Prepares a TCP socket for a bulk upload to `peer`, an IPv4 or IPv6 address in full: BBR, a send
/// buffer that does not limit the rate, and little unsent data in it. For a peer on this machine,
/// sets only Reno, because BBR's pacing costs CPU time without benefit. An option that the kernel
/// or the administrator does not allow keeps its value. Any thread.
void prepare_to_send_much(int socket, const sockaddr& peer) noexcept;

/// Returns the value for SO_SNDBUF, at most 16 MiB and at most `most` (net.core.wmem_max); the
/// kernel doubles the value. Returns 0 if the option would give no more than `grows_to` (the last
/// number of net.ipv4.tcp_wmem), the size that an unset buffer reaches by itself, or if `grows_to`
/// is 0 (unknown). All in bytes.
int send_buffer_to_ask_for(std::uint64_t most, std::uint64_t grows_to);

/// Returns the last number in a file of /proc/sys; 0 if the file has none. Any thread.
std::uint64_t last_number(const char* path);

}  // namespace sluice
