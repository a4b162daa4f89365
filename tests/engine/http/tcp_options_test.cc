#include "engine/http/tcp_options.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "io/unique_fd.h"

namespace sluice::tcp_options_test {
namespace {

constexpr std::uint64_t mib = 1024 * 1024;

sockaddr_storage address_of(const std::string& text, std::uint16_t port = 3000) {
  sockaddr_storage storage{};
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    const sockaddr_in in{
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = v4, .sin_zero = {}};
    std::memcpy(&storage, &in, sizeof in);
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1) {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    in.sin6_addr = v6;
    std::memcpy(&storage, &in, sizeof in);
  }
  return storage;
}

const sockaddr& generic(const sockaddr_storage& storage) {
  return reinterpret_cast<const sockaddr&>(storage);
}

UniqueFd tcp_socket() {
  return UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

std::string congestion_control(const UniqueFd& socket) {
  std::array<char, 64> name{};
  socklen_t length = name.size() - 1;
  EXPECT_EQ(::getsockopt(socket.get(), IPPROTO_TCP, TCP_CONGESTION, name.data(), &length), 0);
  return name.data();
}

int number(const UniqueFd& socket, int level, int option) {
  int value = -1;
  socklen_t length = sizeof value;
  EXPECT_EQ(::getsockopt(socket.get(), level, option, &value, &length), 0);
  return value;
}

TEST(TcpOptions, UsesBbrForRemotePeerIfAvailable) {
  const UniqueFd tried = tcp_socket();
  const bool given = ::setsockopt(tried.get(), IPPROTO_TCP, TCP_CONGESTION, "bbr", 3) == 0;
  // Most kernels have a default other than BBR, so a BBR socket shows that the option was set.
  const UniqueFd socket = tcp_socket();
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
  const std::string before = congestion_control(socket);
  prepare_to_send_much(socket.get(), generic(address_of("10.77.0.2")));
  EXPECT_EQ(congestion_control(socket), given ? "bbr" : before);
}

TEST(TcpOptions, LimitsUnsentBytesAndKeepsBufferSize) {
  for (const char* peer : {"10.77.0.2", "2001:db8::1", "::ffff:10.77.0.2", "128.0.0.1"}) {
    const UniqueFd untouched = tcp_socket();
    const UniqueFd socket = tcp_socket();
    prepare_to_send_much(socket.get(), generic(address_of(peer)));
    EXPECT_EQ(number(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 2 * 1024 * 1024) << peer;
    EXPECT_GE(number(socket, SOL_SOCKET, SO_SNDBUF), number(untouched, SOL_SOCKET, SO_SNDBUF))
        << peer;
  }
}

TEST(TcpOptions, UsesRenoAndDefaultBufferForThisMachine) {
  for (const char* peer : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
    const UniqueFd untouched = tcp_socket();
    const UniqueFd socket = tcp_socket();
    // Sets BBR if allowed, as on a machine where BBR is the default.
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_CONGESTION, "bbr", 3);
    prepare_to_send_much(socket.get(), generic(address_of(peer)));
    EXPECT_EQ(congestion_control(socket), "reno") << peer;
    EXPECT_EQ(number(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT),
              number(untouched, IPPROTO_TCP, TCP_NOTSENT_LOWAT))
        << peer;
    EXPECT_EQ(number(socket, SOL_SOCKET, SO_SNDBUF), number(untouched, SOL_SOCKET, SO_SNDBUF))
        << peer;
  }
}

TEST(TcpOptions, SetsBufferOnlyIfLargerThanAutomaticSize) {
  // Debian's defaults: SO_SNDBUF would end the automatic growth at a tenth of its maximum.
  EXPECT_EQ(send_buffer_to_ask_for(212'992, 4 * mib), 0);
  EXPECT_EQ(send_buffer_to_ask_for(2 * mib, 4 * mib), 0) << "not larger than the automatic size";
  EXPECT_EQ(send_buffer_to_ask_for(2 * mib + 1, 4 * mib), 2 * mib + 1);
  EXPECT_EQ(send_buffer_to_ask_for(4 * mib, 4 * mib), 4 * mib);
  EXPECT_EQ(send_buffer_to_ask_for(2048 * mib, 4 * mib), 16 * mib) << "at most 16 MiB";
  EXPECT_EQ(send_buffer_to_ask_for(2048 * mib, 64 * mib), 0)
      << "the automatic size is large enough";
  // Unknown limits: the file cannot be read.
  EXPECT_EQ(send_buffer_to_ask_for(0, 4 * mib), 0);
  EXPECT_EQ(send_buffer_to_ask_for(4 * mib, 0), 0);
}

TEST(TcpOptions, IgnoresRefusedOptions) {
  prepare_to_send_much(-1, generic(address_of("10.77.0.2")));
  // A socket without TCP refuses each of the options and still works.
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd a(ends[0]);
  const UniqueFd b(ends[1]);
  prepare_to_send_much(a.get(), generic(address_of("10.77.0.2")));
  ASSERT_EQ(::send(a.get(), "x", 1, MSG_NOSIGNAL), 1);
  char got = 0;
  EXPECT_EQ(::recv(b.get(), &got, 1, 0), 1);
  EXPECT_EQ(got, 'x');
}

TEST(TcpOptions, PreparedSocketConnectsAndSends) {
  const UniqueFd listener = tcp_socket();
  sockaddr_storage here = address_of("127.0.0.1", 0);
  auto* const address = reinterpret_cast<sockaddr*>(&here);
  socklen_t length = sizeof(sockaddr_in);
  ASSERT_EQ(::bind(listener.get(), address, length), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), address, &length), 0);
  const UniqueFd socket = tcp_socket();
  prepare_to_send_much(socket.get(), generic(address_of("10.77.0.2")));
  ASSERT_EQ(::connect(socket.get(), address, length), 0);
  const UniqueFd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const std::string sent(100'000, 's');
  ASSERT_EQ(::send(socket.get(), sent.data(), sent.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(sent.size()));
  std::string received(sent.size(), '\0');
  EXPECT_EQ(::recv(accepted.get(), received.data(), received.size(), MSG_WAITALL),
            static_cast<ssize_t>(sent.size()));
  EXPECT_EQ(received, sent);
}

}  // namespace
}  // namespace sluice::tcp_options_test
