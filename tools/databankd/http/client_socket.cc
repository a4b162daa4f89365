#include "tools/databankd/http/client_socket.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace sluice::databankd {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Returns whether the client has disconnected before `limit`. Also true when libmicrohttpd shuts
/// the sockets down at the end of the server.
bool is_gone_within(int socket, milliseconds limit) {
  pollfd poll{};
  poll.fd = socket;
  poll.events = POLLRDHUP;  // POLLERR and POLLHUP are always reported
  return ::poll(&poll, 1, static_cast<int>(limit.count())) > 0;
}

}  // namespace

void reset(int socket) {
  // connect(2) with AF_UNSPEC sends a RST at once. SO_LINGER with 0 seconds would send one at
  // close(), but libmicrohttpd calls shutdown() before close(), which sends a FIN first.
  sockaddr no_address{};
  no_address.sa_family = AF_UNSPEC;
  (void)::connect(socket, &no_address, sizeof no_address);
}

void wait_until_gone(int socket, Clock::time_point deadline) {
  constexpr milliseconds longest = std::chrono::hours(1);
  for (Clock::time_point now = Clock::now(); now < deadline; now = Clock::now()) {
    const auto left =
        std::chrono::ceil<milliseconds>(std::min<Clock::duration>(deadline - now, longest));
    if (is_gone_within(socket, left)) return;
  }
}

bool wait_until_readable(int socket, std::chrono::microseconds limit) {
  pollfd poll{};
  poll.fd = socket;
  poll.events = POLLIN;  // the end of the connection is readable, too
  const auto left = std::chrono::ceil<milliseconds>(limit);
  return ::poll(&poll, 1, static_cast<int>(left.count())) != 0;
}

void send_now(int socket, std::string_view bytes) {
  // The bytes fit into the empty socket buffer, so send() does not block.
  (void)::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

void answer_and_end(int socket, std::string_view answer) {
  send_now(socket, answer);
  // Shut down instead of closing: close() with unread bytes sends a RST, which may arrive before
  // the response.
  ::shutdown(socket, SHUT_WR);
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(5);
  std::array<char, 65536> dropped{};
  for (auto left = deadline - Clock::now(); left > Clock::duration::zero();
       left = deadline - Clock::now()) {
    if (!wait_until_readable(socket, std::chrono::ceil<std::chrono::microseconds>(left))) return;
    if (::recv(socket, dropped.data(), dropped.size(), MSG_DONTWAIT) <= 0) return;
  }
}

void wait_until_received(int socket) {
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(5);
  int unconfirmed = 0;
  // The kernel has no event for this: poll.
  while (::ioctl(socket, SIOCOUTQ, &unconfirmed) == 0 && unconfirmed > 0 &&
         Clock::now() < deadline) {
    if (is_gone_within(socket, milliseconds(1))) return;
  }
}

}  // namespace sluice::databankd
