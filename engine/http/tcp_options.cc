#include "engine/http/tcp_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <string_view>

namespace sluice {
namespace {

/// 1 Gbit/s over 200 ms are 25 MB in flight, and the kernel makes 32 MiB of this.
constexpr std::uint64_t wanted_send_buffer = 16 * 1024 * 1024;

/// Of what is in the buffer, so much may be unsent: 17 ms of 1 Gbit/s. More only makes a slow
/// link's backlog look like progress: 32 MiB at 200 kB/s would be 160 s without a byte that is seen
/// to move, and a request is given up after 60.
constexpr int unsent_bytes = 2 * 1024 * 1024;

/// 0.1 % loss at 50 ms: 14 MB/s, and 3 with cubic, which takes each loss for a full queue.
constexpr std::string_view far_congestion_control = "bbr";
/// Every kernel has it and lets everyone choose it; 0.41 CPU seconds a GiB against BBR's 0.53.
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
  // Unknown is no reason: asking ends the growing, for good.
  return grows_to == 0 || 2 * asked <= grows_to ? 0 : static_cast<int>(asked);
}

void prepare_to_send_much(int socket, const sockaddr& peer) noexcept {
  // Each of these is a gain where it is granted, and no loss where it is not.
  if (peer.sa_family != AF_INET && peer.sa_family != AF_INET6) return;
  if (is_loopback(peer)) return set_congestion_control(socket, near_congestion_control);
  set_congestion_control(socket, far_congestion_control);
  ::setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof unsent_bytes);
  const int buffer = send_buffer_to_ask_for(last_number("/proc/sys/net/core/wmem_max"),
                                            last_number("/proc/sys/net/ipv4/tcp_wmem"));
  if (buffer > 0) ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
}

}  // namespace sluice
