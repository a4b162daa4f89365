// The program `link`: devices, a namespace, and TCP connections through them. Without permission,
// only its error.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <linux/tcp.h>  // netinet/tcp.h has no tcpi_min_rtt
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>
#include <thread>

#include "io/unique_fd.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace sluice::bench::link_test {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Returns whether this process may create namespaces and devices: as root, with the tun module.
bool may_make_devices() {
  bool may = false;
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) != 0) return;
    const UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    ifreq request{};
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    may = fd && ::ioctl(fd.get(), TUNSETIFF, &request) == 0;
  }).join();
  return may;
}

using Arguments = std::vector<std::string>;

/// Returns how to start `link`, with an optional command before it.
test::Process::Options link_with(const Arguments& options, const Arguments& before = {}) {
  test::Process::Options process;
  process.argv = before;
  process.argv.emplace_back(LINK_BINARY);
  process.argv.insert(process.argv.end(), options.begin(), options.end());
  return process;
}

std::filesystem::path namespace_file(const std::string& name) {
  return "/run/netns/" + name;
}

/// Opens a socket in the network namespace of the calling thread.
UniqueFd tcp_socket() {
  return UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

sockaddr_in server_address(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, "10.77.0.2", &address.sin_addr);
  return address;
}

/// Listens in the namespace, at a free port, which it returns.
UniqueFd listen_in(const std::string& name_space, std::uint16_t& port) {
  UniqueFd listener;
  std::thread([&] {
    const UniqueFd there(::open(namespace_file(name_space).c_str(), O_RDONLY | O_CLOEXEC));
    if (!there || ::setns(there.get(), CLONE_NEWNET) != 0) return;
    UniqueFd fd = tcp_socket();
    sockaddr_in address = server_address(0);
    socklen_t length = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd.get(), any, length) != 0 || ::listen(fd.get(), 8) != 0 ||
        ::getsockname(fd.get(), any, &length) != 0)
      return;
    port = ntohs(address.sin_port);
    listener = std::move(fd);
  }).join();
  return listener;
}

std::string receive_all(int listener) {
  const UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  std::string all;
  std::string buffer(1 << 18, '\0');
  for (ssize_t got; (got = ::read(fd.get(), buffer.data(), buffer.size())) > 0;)
    all.append(buffer, 0, static_cast<std::size_t>(got));
  return all;
}

/// Sends the bytes from the caller's namespace. Returns the minimum round-trip time measured by the
/// kernel, in us.
std::uint32_t send_all(const std::string& bytes, std::uint16_t port) {
  const UniqueFd fd = tcp_socket();
  const sockaddr_in address = server_address(port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ADD_FAILURE() << "connect: " << std::strerror(errno);
    return 0;
  }
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t put = ::send(fd.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (put <= 0) {
      ADD_FAILURE() << "send: " << std::strerror(errno);
      return 0;
    }
    done += static_cast<std::size_t>(put);
  }
  tcp_info info{};
  socklen_t length = sizeof info;
  EXPECT_EQ(::getsockopt(fd.get(), IPPROTO_TCP, TCP_INFO, &info, &length), 0);
  return info.tcpi_min_rtt;
}

/// Runs `use` with a link in a network namespace of this test, so that concurrent tests may use the
/// same addresses. `use` gets the name of the server's namespace.
void with_link(const Arguments& options, const std::function<void(const std::string&)>& use,
               std::string& counts) {
  std::thread([&] {
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    const std::string name = "link-test-" + std::to_string(::getpid());
    Arguments all{"--namespace", name};
    all.insert(all.end(), options.begin(), options.end());
    test::Process link(link_with(all));
    const std::string up = link.wait_for_line("link up");
    EXPECT_EQ(up, "link up: client 10.77.0.1, server 10.77.0.2, namespace " + name) << link.err();
    if (!up.empty()) use(name);
    link.signal(SIGTERM);
    EXPECT_EQ(link.wait(), 0) << link.err();
    counts = link.out();
    EXPECT_FALSE(std::filesystem::exists(namespace_file(name)));
  }).join();
}

/// Checks the error without permission, which names the reason.
void expect_refusal(const test::Finished& refused) {
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, testing::AnyOf(HasSubstr("CAP_NET_ADMIN"), HasSubstr("modprobe tun")));
  EXPECT_THAT(refused.out, Not(HasSubstr("link up")));
}

void carry(const Arguments& options, std::size_t size, std::uint32_t round_trip_us,
           std::string& counts) {
  const std::string sent = test::random_bytes(size, 4);
  with_link(
      options,
      [&](const std::string& name) {
        std::uint16_t port = 0;
        const UniqueFd listener = listen_in(name, port);
        ASSERT_TRUE(listener);
        std::string received;
        std::thread server([&] { received = receive_all(listener.get()); });
        const std::uint32_t least = send_all(sent, port);
        if (least == 0)
          ::shutdown(listener.get(), SHUT_RDWR);  // the client may have failed to
                                                  // connect
        server.join();
        EXPECT_TRUE(received == sent) << received.size() << " of " << sent.size() << " bytes";
        EXPECT_GE(least, round_trip_us);
      },
      counts);
}

TEST(Link, CarriesBytesWithDelay) {
  if (!may_make_devices())
    return expect_refusal(test::run(link_with({"--rate", "1G", "--delay", "0"})));
  std::string counts;
  carry({"--rate", "1G", "--delay", "5ms"}, 20'000'000, 10'000, counts);
  EXPECT_THAT(counts, HasSubstr(" 0 lost"));
}

TEST(Link, LossAndFullQueueKeepBytes) {
  if (!may_make_devices())
    return expect_refusal(test::run(link_with({"--rate", "1G", "--delay", "0"})));
  std::string counts;
  // About 7,000 packets: the probability of no loss in a direction is e^-70.
  carry({"--rate", "1G", "--delay", "1ms", "--loss", "1%", "--queue", "64K", "--seed", "7"},
        10'000'000, 2'000, counts);
  EXPECT_THAT(counts, HasSubstr("to the server"));
  EXPECT_THAT(counts.substr(0, counts.find('\n')), Not(HasSubstr(" 0 lost")));
}

TEST(Link, ReportsMissingPermission) {
  // Root without capabilities.
  const Arguments without{"/usr/bin/setpriv", "--bounding-set=-all", "--inh-caps=-all"};
  expect_refusal(test::run(
      link_with({"--rate", "1G", "--delay", "0"}, may_make_devices() ? without : Arguments())));
}

TEST(Link, RejectsExistingNamespace) {
  if (!may_make_devices())
    return expect_refusal(test::run(link_with({"--rate", "1G", "--delay", "0"})));
  std::string counts;
  with_link(
      {"--rate", "1G", "--delay", "0"},
      [&](const std::string& name) {
        const test::Finished second = test::run(
            link_with({"--rate", "1G", "--delay", "0", "--namespace", name, "--subnet", "78"}));
        EXPECT_EQ(second.status, 1);
        EXPECT_THAT(second.err, HasSubstr("ip netns del " + name));
        EXPECT_TRUE(std::filesystem::exists(namespace_file(name)));
      },
      counts);
}

TEST(Link, RejectsInvalidOptions) {
  for (const auto& [options, word] : std::vector<std::pair<Arguments, std::string>>{
           {{"--rate", "fast", "--delay", "1ms"}, "'fast'"},
           {{"--rate", "1G", "--delay", "-1ms"}, "'-1ms'"},
           {{"--rate", "1G", "--delay", "1ms", "--loss", "2"}, "'2'"},
           {{"--rate", "1G", "--delay", "1ms", "--queue", "1000"}, "1000"},
           {{"--rate", "1G"}, "--delay"}}) {
    const test::Finished refused = test::run(link_with(options));
    EXPECT_EQ(refused.status, 2) << word;
    EXPECT_THAT(refused.err + refused.out, HasSubstr(word));
  }
}

}  // namespace
}  // namespace sluice::bench::link_test
