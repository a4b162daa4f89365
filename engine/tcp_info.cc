#include "engine/tcp_info.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace sluice {

std::optional<Answer::Network> network_of(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  Answer::Network network;
  network.since_sent = std::chrono::milliseconds(info.tcpi_last_data_sent);
  network.round_trip = std::chrono::microseconds(info.tcpi_rtt);
  return network;
}

}  // namespace sluice
