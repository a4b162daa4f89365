#include "tests/support/cutting_proxy.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <list>
#include <random>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "io/unique_fd.h"
#include "tests/support/loopback.h"

namespace sluice::test {
namespace {

/// Small, so that few bytes are in flight at a cut, and the client notices it soon.
constexpr std::size_t relay_piece = 16 << 10;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

bool would_block() {
  return errno == EAGAIN || errno == EINTR;
}

/// One end of a connection.
struct Side {
  UniqueFd fd;
  bool ended = false;     ///< has shut down its sending side
  bool closed = false;    ///< our sending side is shut down
  bool draining = false;  ///< after the cut: received bytes are discarded

  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd.reset();
  }
  void finish() {
    if (!std::exchange(closed, true)) ::shutdown(fd.get(), SHUT_WR);
  }
};

/// One direction of a connection.
struct Stream {
  Way way = Way::up;
  Side& from;
  Side& to;
  std::uint64_t left;  ///< bytes until the cut
  std::string held{};  ///< received bytes that are not sent yet
};

class Connection {
 public:
  Connection(int number, UniqueFd client, UniqueFd server, std::uint64_t up, std::uint64_t down,
             bool reset_client, bool reset_server)
      : number_(number), reset_client_(reset_client), reset_server_(reset_server) {
    client_.fd = std::move(client);
    server_.fd = std::move(server);
    up_.left = up;
    down_.left = down;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Returns the events to poll for: the client's, then the server's; -1 for a closed side.
  std::array<pollfd, 2> wanted() const {
    const auto events = [](const Side& side, const Stream& in, const Stream& out) {
      int wanted = 0;
      if (!side.ended && (side.draining || in.held.empty())) wanted |= POLLIN;
      if (!side.draining && !out.held.empty()) wanted |= POLLOUT;
      // Even without requested events, poll() reports errors repeatedly.
      return pollfd{wanted == 0 ? -1 : side.fd.get(), static_cast<short>(wanted), 0};
    };
    return {events(client_, up_, down_), events(server_, down_, up_)};
  }

  /// Transfers what is possible without blocking. `observe`: called with the bytes to forward.
  /// Returns true if the connection must be cut now.
  template <class Observe>
  bool work(const Observe& observe) {
    if (over()) return false;
    if (draining()) {
      drain(client_);
      drain(server_);
      return false;
    }
    for (Stream* stream : {&up_, &down_}) switch (pump(*stream, observe)) {
        case Pumped::on:
          break;
        case Pumped::broken:
          client_.reset();
          server_.reset();
          return false;
        case Pumped::used_up:
          return true;
      }
    if (client_.closed && server_.closed) {
      client_.fd.reset();
      server_.fd.reset();
    }
    return false;
  }

  void cut() {
    cut(client_, reset_client_);
    cut(server_, reset_server_);
  }
  void reset() {
    client_.reset();
    server_.reset();
  }
  bool over() const { return !client_.fd && !server_.fd; }

 private:
  enum class Pumped { on, used_up, broken };

  bool draining() const { return client_.draining || server_.draining; }

  template <class Observe>
  Pumped pump(Stream& stream, const Observe& observe) {
    if (stream.held.empty() && !stream.from.ended) {
      std::array<char, relay_piece> buffer;
      const ssize_t got = ::recv(stream.from.fd.get(), buffer.data(),
                                 std::min<std::uint64_t>(buffer.size(), stream.left), 0);
      if (got < 0) return would_block() ? Pumped::on : Pumped::broken;
      if (got == 0) {
        stream.from.ended = true;
        stream.to.finish();
        return Pumped::on;
      }
      stream.held.assign(buffer.data(), static_cast<std::size_t>(got));
      stream.left -= stream.held.size();
      observe(number_, stream.way, stream.held);
    }
    if (stream.held.empty()) return Pumped::on;
    const ssize_t sent =
        ::send(stream.to.fd.get(), stream.held.data(), stream.held.size(), MSG_NOSIGNAL);
    if (sent < 0) return would_block() ? Pumped::on : Pumped::broken;
    stream.held.erase(0, static_cast<std::size_t>(sent));
    return stream.held.empty() && stream.left == 0 ? Pumped::used_up : Pumped::on;
  }

  static void cut(Side& side, bool with_reset) {
    if (with_reset) {
      side.reset();
    } else {
      // Do not close yet: close() with unread bytes sends a reset.
      side.finish();
      side.draining = true;
    }
  }

  static void drain(Side& side) {
    if (!side.fd) return;
    std::array<char, relay_piece> buffer;
    const ssize_t got = ::recv(side.fd.get(), buffer.data(), buffer.size(), 0);
    if (got == 0 || (got < 0 && !would_block())) side.fd.reset();
  }

  const int number_;
  const bool reset_client_;
  const bool reset_server_;
  Side client_;
  Side server_;
  Stream up_{Way::up, client_, server_, 0};
  Stream down_{Way::down, server_, client_, 0};
};

}  // namespace

class CuttingProxy::Impl {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)),
        listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
        stop_(::eventfd(0, EFD_CLOEXEC)) {
    if (!listener_ || !stop_) fail("socket");
    server_port_ = static_cast<std::uint16_t>(
        std::stoul(options_.server.substr(options_.server.rfind(':') + 1)));
    port_ = listen_on_loopback(listener_.get());
    thread_ = std::thread([this] { serve(); });
  }
  ~Impl() {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(stop_.get(), &one, sizeof one));
    thread_.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  int cuts() const { return cuts_; }

 private:
  void serve() {
    std::list<Connection> open;
    while (true) {
      std::vector<pollfd> polled{{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
      for (const Connection& connection : open)
        for (const pollfd& wanted : connection.wanted()) polled.push_back(wanted);
      while (::poll(polled.data(), polled.size(), -1) < 0)
        if (errno != EINTR) fail("poll");
      if (polled[0].revents != 0) break;
      std::size_t place = 2;
      for (auto connection = open.begin(); connection != open.end(); place += 2) {
        if ((polled[place].revents | polled[place + 1].revents) != 0 &&
            connection->work([this](int number, Way way, std::string_view bytes) {
              if (options_.before_passing_on) options_.before_passing_on(number, way, bytes);
            })) {
          ++cuts_;  // count first: a client that notices the cut may check the count at once
          connection->cut();
        }
        connection = connection->over() ? open.erase(connection) : std::next(connection);
      }
      if (polled[1].revents != 0) accept(open);
    }
    for (Connection& connection : open) connection.reset();
  }

  void accept(std::list<Connection>& open) {
    UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client) return;
    const int number = connections_++;
    UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!server) fail("socket");
    const sockaddr_in address = loopback(server_port_);
    // On loopback, this does not block.
    if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      const linger now{1, 0};
      ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
      return;
    }
    const int on = 1;
    if (::ioctl(server.get(), FIONBIO, &on) != 0) fail("ioctl");
    for (const UniqueFd* fd : {&client, &server})
      ::setsockopt(fd->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);

    std::seed_seq seed{options_.seed & 0xffffffff, options_.seed >> 32,
                       static_cast<std::uint64_t>(number)};
    std::mt19937_64 random(seed);
    const std::uint64_t up = place_of_cut(random, options_.mean_up);
    const std::uint64_t down = place_of_cut(random, options_.mean_down);
    const bool reset_client = (random() & 1) != 0;
    const bool reset_server = (random() & 1) != 0;
    open.emplace_back(number, std::move(client), std::move(server), up, down, reset_client,
                      reset_server);
  }

  /// At least 1: a connection has at least one byte before the cut.
  static std::uint64_t place_of_cut(std::mt19937_64& random, double mean) {
    const double drawn = std::exponential_distribution<double>(1)(random);
    return mean > 0 ? 1 + static_cast<std::uint64_t>(drawn * mean) : UINT64_MAX;
  }

  const Options options_;
  const UniqueFd listener_;
  const UniqueFd stop_;  ///< becomes readable at the end
  std::uint16_t port_ = 0;
  std::uint16_t server_port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<int> cuts_{0};
  std::thread thread_;
};

CuttingProxy::CuttingProxy(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
CuttingProxy::~CuttingProxy() = default;
std::string CuttingProxy::url() const {
  return fmt::format("http://127.0.0.1:{}", impl_->port());
}
int CuttingProxy::connections() const {
  return impl_->connections();
}
int CuttingProxy::cuts() const {
  return impl_->cuts();
}

}  // namespace sluice::test
