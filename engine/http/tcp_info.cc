#include "engine/http/tcp_info.h"

// The kernel's header, because the C library's tcp_info ends before tcpi_min_rtt.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "engine/http/tcp_options.h"

namespace sluice {
namespace {

/// Returns the most bytes that the send buffer of `fd` allows in flight; 0 if unknown. An unset
/// buffer grows up to the last number of net.ipv4.tcp_wmem. A third of a buffer is the kernel's own
/// bookkeeping: of 8 MiB, 5.6 MB were in flight, in packets of 1500 bytes.
std::uint64_t most_in_flight(int fd) {
  int buffer = 0;
  socklen_t size = sizeof buffer;
  if (::getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, &size) != 0) return 0;
  auto most = static_cast<std::uint64_t>(buffer);
  int locked = 0;
#ifdef SO_BUF_LOCK
  size = sizeof locked;
  if (::getsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &locked, &size) != 0) locked = 0;
#endif
  constexpr int send_buffer_is_set = 1;  // SOCK_SNDBUF_LOCK, linux/net.h
  if ((locked & send_buffer_is_set) == 0) {
    static const std::uint64_t grows_to = last_number("/proc/sys/net/ipv4/tcp_wmem");
    most = std::max(most, grows_to);
  }
  return most / 3 * 2;
}

bool is_bbr(int fd) {
  std::array<char, 16> name{};  // TCP_CA_NAME_MAX
  socklen_t size = name.size();
  return ::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(), &size) == 0 &&
         std::string_view(name.data()).starts_with("bbr");
}

}  // namespace

std::optional<Answer::Network> network_of(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  Answer::Network network;
  network.since_sent = std::chrono::milliseconds(info.tcpi_last_data_sent);
  network.round_trip = std::chrono::microseconds(info.tcpi_rtt);
  network.sent_again = info.tcpi_total_retrans;
  // An older kernel fills only a part of `info`; the rest stays 0. All ones mean that there is no
  // measurement yet.
  if (info.tcpi_min_rtt != std::numeric_limits<decltype(info.tcpi_min_rtt)>::max())
    network.least_round_trip = std::chrono::microseconds(info.tcpi_min_rtt);
  network.max_in_flight_bytes = most_in_flight(fd);
  network.bbr = is_bbr(fd);
  if (info.tcpi_busy_time > 0)
    network.bounded_by_buffer =
        static_cast<double>(info.tcpi_sndbuf_limited) / static_cast<double>(info.tcpi_busy_time);
  return network;
}

}  // namespace sluice
