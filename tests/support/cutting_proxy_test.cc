#include "tests/support/cutting_proxy.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <map>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "io/sync.h"
#include "io/unique_fd.h"
#include "tests/support/temp_dir.h"

namespace sluice::test::cutting_proxy_test {
namespace {

/// Sets timeouts, so that a blocked test fails instead of hanging.
void limit_waits(const UniqueFd& fd) {
  const timeval minute{60, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof minute);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &minute, sizeof minute);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(fd_.get(), SOMAXCONN), 0);
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
    limit_waits(fd_);
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }
  UniqueFd accept() const {
    UniqueFd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_TRUE(fd);
    limit_waits(fd);
    return fd;
  }

 private:
  UniqueFd fd_;
  std::uint16_t port_ = 0;
};

UniqueFd connect_to(const std::string& url) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  limit_waits(fd);
  const sockaddr_in address =
      loopback(static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1))));
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

/// Sends everything that the other side accepts, and then the end.
void send_all(const UniqueFd& fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0) return;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  ::shutdown(fd.get(), SHUT_WR);
}

struct Received {
  std::string text;
  int error = 0;  ///< errno at the end; 0: an orderly end
};

Received receive_all(const UniqueFd& fd) {
  Received received;
  std::array<char, 4096> buffer;
  while (true) {
    const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (got > 0) {
      received.text.append(buffer.data(), static_cast<std::size_t>(got));
      continue;
    }
    if (got < 0) received.error = errno;
    return received;
  }
}

struct Exchange {
  Received at_server;
  Received at_client;
};

/// A client sends `up` and a server `down` at the same time, each until the other ends.
Exchange exchange(const Listener& listener, const CuttingProxy& proxy, const std::string& up,
                  const std::string& down) {
  const UniqueFd client = connect_to(proxy.url());
  const UniqueFd server = listener.accept();
  Exchange result;
  std::thread client_sends([&] { send_all(client, up); });
  std::thread server_sends([&] { send_all(server, down); });
  std::thread server_receives([&] { result.at_server = receive_all(server); });
  result.at_client = receive_all(client);
  client_sends.join();
  server_sends.join();
  server_receives.join();
  return result;
}

const std::string ten_kilobytes = random_bytes(10'000, 1);

TEST(CuttingProxy, ForwardsEverythingAndEnds) {
  const Listener listener;
  const CuttingProxy proxy({.server = listener.url()});
  // More than all buffers can hold, in both directions at once.
  const std::string up = random_bytes(20'000'000, 2), down = random_bytes(15'000'000, 3);
  const Exchange result = exchange(listener, proxy, up, down);
  EXPECT_EQ(result.at_server.text == up, true);
  EXPECT_EQ(result.at_client.text == down, true);
  EXPECT_EQ(result.at_server.error, 0);
  EXPECT_EQ(result.at_client.error, 0);
  EXPECT_EQ(proxy.connections(), 1);
  EXPECT_EQ(proxy.cuts(), 0);
}

/// Runs 200 connections one after the other, and returns what each transferred.
std::vector<Exchange> many(CuttingProxy::Options options, int& cuts) {
  const Listener listener;
  options.server = listener.url();
  const CuttingProxy proxy(options);
  std::vector<Exchange> results;
  for (int i = 0; i < 200; ++i)
    results.push_back(exchange(listener, proxy, ten_kilobytes, ten_kilobytes));
  cuts = proxy.cuts();
  return results;
}

std::size_t mean(const std::vector<Exchange>& results, Received Exchange::*side) {
  std::size_t sum = 0;
  for (const Exchange& result : results) sum += (result.*side).text.size();
  return sum / results.size();
}

TEST(CuttingProxy, CutsRequestsAroundMean) {
  int cuts = 0;
  const auto results = many({.seed = 7, .mean_up = 2000}, cuts);
  int resets = 0, ends = 0, uncut = 0;
  for (const Exchange& result : results) {
    EXPECT_EQ(result.at_server.text, ten_kilobytes.substr(0, result.at_server.text.size()));
    if (result.at_server.text == ten_kilobytes) {
      ++uncut;
      continue;
    }
    ++(result.at_server.error == 0 ? ends : resets);
  }
  EXPECT_EQ(cuts, 200 - uncut);
  // Of 200 draws, one in 150 is beyond all bytes; half of the others end in a reset.
  EXPECT_LT(uncut, 10);
  // The number of resets that the reader sees depends on timing: if a write gets the reset first,
  // the reader sees an end of file.
  EXPECT_GT(resets, 0);
  EXPECT_GT(ends, 50);
  EXPECT_GT(mean(results, &Exchange::at_server), 1500U);
  EXPECT_LT(mean(results, &Exchange::at_server), 2500U);
}

TEST(CuttingProxy, CutsResponses) {
  int cuts = 0;
  const auto results = many({.seed = 8, .mean_down = 3000}, cuts);
  int resets = 0, ends = 0;
  for (const Exchange& result : results) {
    EXPECT_EQ(result.at_client.text, ten_kilobytes.substr(0, result.at_client.text.size()));
    if (result.at_client.text != ten_kilobytes) ++(result.at_client.error == 0 ? ends : resets);
  }
  EXPECT_EQ(cuts, resets + ends);
  EXPECT_GT(resets, 0);
  EXPECT_GT(ends, 50);
  EXPECT_GT(mean(results, &Exchange::at_client), 2200U);
  EXPECT_LT(mean(results, &Exchange::at_client), 3600U);
}

/// Compares the forwarded bytes: of those, a reset discards what is still in flight.
TEST(CuttingProxy, CutsAtSamePlacesWithSameSeed) {
  const auto places = [](std::uint64_t seed) {
    Mutex mutex;
    std::map<int, std::size_t> passed_on;
    int cuts = 0;
    many({.seed = seed,
          .mean_up = 1000,
          .before_passing_on =
              [&](int connection, Way way, std::string_view bytes) {
                const MutexLock lock(mutex);
                if (way == Way::up) passed_on[connection] += bytes.size();
              }},
         cuts);
    return passed_on;
  };
  const auto once = places(9);
  EXPECT_EQ(places(9), once);
  EXPECT_NE(places(10), once);
}

TEST(CuttingProxy, CallsObserverBeforeForwarding) {
  const Listener listener;
  Mutex mutex;
  std::string up, down;
  std::optional<int> number;
  const CuttingProxy proxy(
      {.server = listener.url(), .before_passing_on = [&](int connection, Way way, auto bytes) {
         const MutexLock lock(mutex);
         number = connection;
         (way == Way::up ? up : down) += bytes;
       }});
  exchange(listener, proxy, "", "");
  const Exchange result = exchange(listener, proxy, ten_kilobytes, "the answer");
  const MutexLock lock(mutex);
  EXPECT_EQ(up, result.at_server.text);
  EXPECT_EQ(up, ten_kilobytes);
  EXPECT_EQ(down, "the answer");
  EXPECT_EQ(number, 1);
}

TEST(CuttingProxy, ForwardsReset) {
  const Listener listener;
  const CuttingProxy proxy({.server = listener.url()});
  UniqueFd client = connect_to(proxy.url());
  const UniqueFd server = listener.accept();
  const linger now{1, 0};
  ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  client.reset();
  EXPECT_EQ(receive_all(server).error, ECONNRESET);
  EXPECT_EQ(proxy.cuts(), 0);
}

TEST(CuttingProxy, ResetsClientWithoutServer) {
  std::string nowhere = Listener().url();
  const CuttingProxy proxy({.server = nowhere});
  EXPECT_EQ(receive_all(connect_to(proxy.url())).error, ECONNRESET);
}

TEST(CuttingProxy, EndsWithConnectionsOpen) {
  const Listener listener;
  std::optional<CuttingProxy> proxy;
  proxy.emplace(CuttingProxy::Options{.server = listener.url()});
  const UniqueFd client = connect_to(proxy->url());
  const UniqueFd server = listener.accept();
  proxy.reset();
  EXPECT_EQ(receive_all(client).error, ECONNRESET);
  EXPECT_EQ(receive_all(server).error, ECONNRESET);
}

}  // namespace
}  // namespace sluice::test::cutting_proxy_test
