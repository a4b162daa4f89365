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

/// Returns whether the client is gone. libmicrohttpd shuts all sockets down when the server ends,
/// which shows here too.
bool poll_gone(int socket, milliseconds limit) {
  pollfd poll{};
  poll.fd = socket;
  poll.events = POLLRDHUP;  // POLLERR and POLLHUP come unasked
  return ::poll(&poll, 1, static_cast<int>(limit.count())) > 0;
}

}  // namespace

void reset(int socket) {
  // SO_LINGER with 0 seconds would reset on close(), but libmicrohttpd shuts the socket down before
  // it closes it, and an orderly end would reach the client first. This resets at once: connect(2),
  // "dissolve the association".
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  (void)::connect(socket, &nobody, sizeof nobody);
}

void wait_until_gone(int socket, Clock::time_point deadline) {
  constexpr milliseconds longest = std::chrono::hours(1);
  for (Clock::time_point now = Clock::now(); now < deadline; now = Clock::now()) {
    const auto left =
        std::chrono::ceil<milliseconds>(std::min<Clock::duration>(deadline - now, longest));
    if (poll_gone(socket, left)) return;
  }
}

bool wait_until_readable(int socket, std::chrono::microseconds limit) {
  pollfd poll{};
  poll.fd = socket;
  poll.events = POLLIN;  // an end is readable too
  const auto left = std::chrono::ceil<milliseconds>(limit);
  return ::poll(&poll, 1, static_cast<int>(left.count())) != 0;
}

void send_now(int socket, std::string_view bytes) {
  // As short as it is it fits in the socket's buffer, where nothing else is.
  (void)::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

void answer_and_end(int socket, std::string_view answer) {
  send_now(socket, answer);
  // A close() with bytes unread would be a reset, and that could overtake the answer.
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
  // The kernel has no event for it.
  while (::ioctl(socket, SIOCOUTQ, &unconfirmed) == 0 && unconfirmed > 0 &&
         Clock::now() < deadline) {
    if (poll_gone(socket, milliseconds(1))) return;
  }
}

}  // namespace sluice::databankd
