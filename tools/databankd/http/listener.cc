#include "tools/databankd/http/listener.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

namespace sluice::databankd {
namespace {

struct HostPort {
  std::string host;
  std::string port;
};

bool split(const std::string& address, HostPort& parts) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == address.size()) return false;
  parts.host = address.substr(0, colon);
  parts.port = address.substr(colon + 1);
  if (parts.host.front() == '[' && parts.host.back() == ']')
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  else if (parts.host.find(':') != std::string::npos)
    return false;  // IPv6 without brackets: the port would be ambiguous
  if (parts.host.empty() || parts.port.size() > 5 ||
      parts.port.find_first_not_of("0123456789") != std::string::npos)
    return false;
  return std::stoi(parts.port) <= 65535;
}

}  // namespace

Result<Listener> listen_on(const std::string& address) {
  HostPort parts;
  if (!split(address, parts)) {
    return Error{.kind = ErrorKind::usage,
                 .message = fmt::format("cannot listen on '{}': the address must have the form "
                                        "HOST:PORT, such as 127.0.0.1:3000 or [::1]:3000",
                                        address)};
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(parts.host.c_str(), parts.port.c_str(), &hints, &found)) {
    return Error{.kind = ErrorKind::usage,
                 .message = fmt::format("cannot listen on {}: {}", address, ::gai_strerror(code))};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);

  const auto failed = [&](int code) {
    return Error{.kind = ErrorKind::failed,
                 .message = fmt::format("cannot listen on {}: {}", address,
                                        std::system_category().message(code)),
                 .code = code};
  };
  UniqueFd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return failed(errno);
  const int on = 1;
  // A restarted server can then bind the port while old connections are in TIME_WAIT.
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(fd.get(), SOMAXCONN) != 0)
    return failed(errno);

  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &length) != 0)
    return failed(errno);
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&bound), length, host.data(), host.size(),
                    port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return failed(EADDRNOTAVAIL);
  const bool v6 = bound.ss_family == AF_INET6;
  return Listener{std::move(fd), fmt::format("http://{}{}{}:{}", v6 ? "[" : "", host.data(),
                                             v6 ? "]" : "", port.data())};
}

}  // namespace sluice::databankd
