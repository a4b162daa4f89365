#include "tests/support/loopback.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace sluice::test {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::uint16_t listen_on_loopback(int socket) {
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket, any, length) != 0 || ::listen(socket, SOMAXCONN) != 0 ||
      ::getsockname(socket, any, &length) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot listen on 127.0.0.1");
  return ntohs(address.sin_port);
}

}  // namespace sluice::test
