#include "engine/http/tcp_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <string_view>

namespace sluice {
namespace {

/// The value for SO_SNDBUF in bytes, of which the kernel makes 32 MiB. 1 Gbit/s with a round trip
/// of 200 ms has 25 MB in flight.
constexpr std::uint64_t wanted_send_buffer = 16 * 1024 * 1024;

/// The most unsent bytes in the send buffer (TCP_NOTSENT_LOWAT): 17 ms at 1 Gbit/s. With more, the
/// backlog of a slow link delays the view of progress: 32 MiB at 200 kB/s would be 160 s without
/// visible progress, and a request times out after 60 s.
constexpr int unsent_bytes = 2 * 1024 * 1024;

/// For other machines: with 0.1 % loss and 50 ms, BBR reaches 14 MB/s, and cubic, which reads each
/// loss as a full queue, 3 MB/s.
constexpr std::string_view far_congestion_control = "bbr";
/// For this machine: every kernel has Reno and allows it to every user; 0.41 CPU seconds per GiB,
/// BBR 0.53.
constexpr std::string_view near_congestion_control = "reno";

void set_congestion_control(int socket, std::string_view name) {
  ::setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(),
               static_cast<socklen_t>(name.size()));
}

bool is_loopback(const sockaddr& peer) {
  if (peer.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &peer, sizeof in);
    return ntohl(in.sin_addr.s_addr) >> 24 == 127;
  }
  sockaddr_in6 in6{};
  std::memcpy(&in6, &peer, sizeof in6);
  return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) ||
         (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) && in6.sin6_addr.s6_addr[12] == 127);
}

}  // namespace

std::uint64_t last_number(const char* path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  for (std::uint64_t next = 0; file >> next;) number = next;
  return number;
}

int send_buffer_to_ask_for(std::uint64_t most, std::uint64_t grows_to) {
  const std::uint64_t asked = std::min(wanted_send_buffer, most);
  // If `grows_to` is unknown, the buffer stays unset: SO_SNDBUF would end its automatic growth for
  // good.
  return grows_to == 0 || 2 * asked <= grows_to ? 0 : static_cast<int>(asked);
}

void prepare_to_send_much(int socket, const sockaddr& peer) noexcept {
  // Each option improves the rate where the kernel grants it, and does no harm where the kernel
  // does not.
  if (peer.sa_family != AF_INET && peer.sa_family != AF_INET6) return;
  if (is_loopback(peer)) return set_congestion_control(socket, near_congestion_control);
  set_congestion_control(socket, far_congestion_control);
  ::setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof unsent_bytes);
  const int buffer = send_buffer_to_ask_for(last_number("/proc/sys/net/core/wmem_max"),
                                            last_number("/proc/sys/net/ipv4/tcp_wmem"));
  if (buffer > 0) ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
}

}  // namespace sluice
