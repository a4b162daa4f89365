// link: a network link of a given rate, delay and loss, for kernels without `tc netem`. Two TUN
// devices, one in a network namespace of its own, and this program between them.
//
//   link --rate 1G --delay 25ms [--loss 0.1%] &
//   ip netns exec sluice-link databankd --listen 10.77.0.2:3000 ... &
//   sluice put --url http://10.77.0.2:3000 --insecure-http ...

#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>

#include "bench/link_devices.h"
#include "bench/link_lane.h"
#include "bench/link_options.h"
#include "engine/base/units.h"
#include "io/result.h"
#include "io/unique_fd.h"

namespace sluice::bench {
namespace {

using Time = LinkLane::Time;

/// The minimum interval between rounds. Each round handles all packets that have accumulated;
/// 10,000 rounds per second cost little CPU time.
constexpr Time round_time = std::chrono::microseconds(100);

struct Options {
  LinkLane::Setting lane;
  LinkDevices::Setting devices;
};

Time now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

/// The maximum number of packets read from a device in a round, so that a fast sender cannot delay
/// deliveries: ten times the small packets of 1 Gbit/s.
constexpr int packets_a_round = 2000;

/// Reads the packets of the device into the lane.
Result<void> read_packets(int device, LinkLane& lane) {
  // The size of virtio_net_hdr and the largest IP packet.
  static std::array<std::byte, 10 + 65535> frame;
  for (int packets = 0; packets < packets_a_round; ++packets) {
    const ssize_t got = ::read(device, frame.data(), frame.size());
    if (got < 0 && errno == EAGAIN) return {};
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return errno_error(ErrorKind::failed, errno, "cannot read from a TUN device of the link");
    lane.enter(LinkPacket({frame.data(), static_cast<std::size_t>(got)}), now());
  }
  return {};
}

/// Writes all packets of the lane that are due to the device.
Result<void> write_due_packets(LinkLane& lane, int device) {
  for (auto due = lane.due(); due && *due <= now(); due = lane.due()) {
    const LinkPacket packet = lane.leave();
    ssize_t put = 0;
    do {
      put = ::write(device, packet.frame().data(), packet.frame().size());
    } while (put < 0 && errno == EINTR);
    if (put < 0)
      return errno_error(ErrorKind::failed, errno, "cannot write to a TUN device of the link");
  }
  return {};
}

timespec to_timespec(Time time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  return {.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
}

/// Forwards packets until one of the signals arrives.
Result<void> forward(const LinkDevices& devices, LinkLane& to_server, LinkLane& to_client,
                     int signals) {
  for (;;) {
    const Time round = now();
    TRY(read_packets(devices.client(), to_server));
    TRY(read_packets(devices.server(), to_client));
    TRY(write_due_packets(to_server, devices.server()));
    TRY(write_due_packets(to_client, devices.client()));

    std::array<pollfd, 3> events{{{.fd = signals, .events = POLLIN, .revents = 0},
                                  {.fd = devices.client(), .events = POLLIN, .revents = 0},
                                  {.fd = devices.server(), .events = POLLIN, .revents = 0}}};
    // First wait for the end of the round, when packets do not interrupt the wait; then for the
    // next event.
    const timespec rest = to_timespec(std::max(Time(0), round + round_time - now()));
    if (::ppoll(events.data(), 1, &rest, nullptr) > 0) return {};
    Time next = round + std::chrono::hours(1);
    for (const LinkLane* lane : {&to_server, &to_client})
      if (const auto due = lane->due()) next = std::min(next, *due);
    const timespec idle = to_timespec(std::max(Time(0), next - now()));
    if (::ppoll(events.data(), events.size(), &idle, nullptr) > 0 && events[0].revents != 0)
      return {};
  }
}

void print_counts(const char* where, const LinkLane::Counts& counts) {
  fmt::print("{}: {} packets, {} bytes passed; {} dropped by the queue; {} lost\n", where,
             counts.passed, counts.passed_bytes, counts.queue_dropped, counts.lost);
}

Result<void> serve(const Options& options, const sigset_t& signal_set) {
  const UniqueFd signals(::signalfd(-1, &signal_set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return errno_error(ErrorKind::failed, errno, "cannot create a signalfd");
  TRY_ASSIGN(const LinkDevices devices, LinkDevices::create(options.devices));
  // Raise the priority above the programs that use the link. Ignore an error: without permission,
  // the link may be delayed.
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, -10));
  LinkLane to_server(options.lane);
  LinkLane::Setting to_client_setting = options.lane;
  ++to_client_setting.seed;
  LinkLane to_client(to_client_setting);
  fmt::print("link up: client 10.{0}.0.1, server 10.{0}.0.2, namespace {1}\n",
             options.devices.subnet, options.devices.name_space);
  std::fflush(stdout);
  TRY(forward(devices, to_server, to_client, signals.get()));
  print_counts("to the server", to_server.counts());
  print_counts("to the client", to_client.counts());
  return {};
}

struct Texts {
  std::string rate, delay, loss = "0", queue;
};

Result<void> read_texts(const Texts& texts, Options& options) {
  LinkLane::Setting& lane = options.lane;
  TRY_ASSIGN(lane.bits_per_second, parse_bit_rate(texts.rate));
  TRY_ASSIGN(lane.delay, parse_delay(texts.delay));
  TRY_ASSIGN(lane.loss, parse_loss(texts.loss));
  lane.queue_bytes = usual_queue(lane.bits_per_second, lane.delay);
  if (texts.queue.empty()) return {};
  TRY_ASSIGN(lane.queue_bytes, parse_size(texts.queue));
  if (lane.queue_bytes < options.devices.mtu || lane.queue_bytes > 1024 * 1024 * 1024)
    return Error{.kind = ErrorKind::usage,
                 .message = fmt::format("--queue must be from {} bytes (one packet) to 1 GiB, not "
                                        "{} bytes",
                                        options.devices.mtu, lane.queue_bytes)};
  return {};
}

int run(int argc, char** argv) {
  Options options;
  Texts texts;
  options.devices.name_space = "sluice-link";
  CLI::App app(
      "Emulates a network link with a given rate, delay and loss between this network namespace\n"
      "and a new one. Needs root. Prints a line when the link is up; SIGTERM or SIGINT removes it.",
      "link");
  app.add_option("--rate", texts.rate, "Rate each way, in bits per second of IP packets: 1G, 100M")
      ->required();
  app.add_option("--delay", texts.delay, "Delay each way, half the round trip: 25ms, 500us, 0")
      ->required();
  app.add_option("--loss", texts.loss, "Share of the packets that are lost, each way: 0.1% (0)");
  app.add_option("--queue", texts.queue,
                 "Bytes that the queue holds, each way (rate x 2 x delay, at least 256K)");
  app.add_option("--seed", options.lane.seed, "Seed that decides which packets are lost")
      ->capture_default_str();
  app.add_option("--mtu", options.devices.mtu, "Maximum size of an IP packet, in bytes")
      ->check(CLI::Range(576, 9000))
      ->capture_default_str();
  app.add_option("--namespace", options.devices.name_space,
                 "Name of the network namespace to create, for the server")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--subnet", options.devices.subnet, "N of the addresses 10.N.0.1 and 10.N.0.2")
      ->check(CLI::Range(0, 255))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  // Block the signals before the devices are created, so that a signal cannot leave devices behind.
  sigset_t signal_set;
  sigemptyset(&signal_set);
  sigaddset(&signal_set, SIGINT);
  sigaddset(&signal_set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signal_set, nullptr);

  Result<void> done = read_texts(texts, options);
  if (done) done = serve(options, signal_set);
  if (done) return 0;
  fmt::print(stderr, "link: {}\n", done.error().message);
  return done.error().kind == ErrorKind::usage ? 2 : 1;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  try {
    return sluice::bench::run(argc, argv);
  } catch (const std::exception& bug) {
    fmt::print(stderr, "link: {}\n", bug.what());
    return 1;
  }
}
