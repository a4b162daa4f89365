#include "bench/link_devices.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "engine/base/text.h"

namespace sluice::bench {
namespace {

constexpr const char* no_rights =
    "cannot create a TUN device without CAP_NET_ADMIN (run this program as root)";

/// Runs `ip` with these arguments. An error has the output of `ip`.
Result<void> ip(std::vector<std::string> arguments) {
  std::string command = "ip";
  std::vector<char*> argv{command.data()};
  std::string shown = command;
  for (std::string& argument : arguments) {
    shown += " " + argument;
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);

  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return errno_error(ErrorKind::failed, errno, "cannot create a pipe");
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDERR_FILENO);
  pid_t child = -1;
  const int code = ::posix_spawnp(&child, "ip", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0)
    return errno_error(ErrorKind::failed, code,
                       "cannot start the program 'ip' of the package iproute2");
  write_end.reset();
  std::string complaint;
  std::array<char, 1024> buffer{};
  for (ssize_t got; (got = ::read(read_end.get(), buffer.data(), buffer.size())) > 0;)
    complaint.append(buffer.data(), static_cast<std::size_t>(got));
  int status = 0;
  if (::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return {};
  return Error{.kind = ErrorKind::failed,
               .message = fmt::format("'{}' failed: {}", shown, printable(complaint))};
}

struct Device {
  UniqueFd fd;
  std::string name;
};

/// Opens a TUN device in the caller's namespace; it is deleted when the descriptor is closed.
Result<Device> make_tun() {
  Device device;
  device.fd = UniqueFd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!device.fd) {
    if (errno == EACCES || errno == EPERM)
      return errno_error(ErrorKind::failed, errno,
                         fmt::format("{}: cannot open /dev/net/tun", no_rights));
    return errno_error(ErrorKind::failed, errno,
                       "cannot open /dev/net/tun ('modprobe tun' loads the kernel's module)");
  }
  ifreq request{};
  std::strncpy(request.ifr_name, "link%d", IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  if (::ioctl(device.fd.get(), TUNSETIFF, &request) != 0)
    return errno_error(ErrorKind::failed, errno,
                       errno == EPERM ? no_rights : "cannot create a TUN device");
  device.name = request.ifr_name;
  // Enable checksum and segmentation offload: packets of up to 64 KiB, without checksums.
  if (::ioctl(device.fd.get(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) != 0)
    return errno_error(ErrorKind::failed, errno,
                       fmt::format("cannot set the offloads of the TUN device {}", device.name));
  return device;
}

}  // namespace

LinkDevices::LinkDevices(LinkDevices&& other) noexcept
    : name_space_(std::exchange(other.name_space_, {})),
      client_(std::move(other.client_)),
      server_(std::move(other.server_)) {}

LinkDevices::~LinkDevices() {
  client_.reset();
  server_.reset();
  // An error cannot be reported here; the name then stays in /run/netns.
  if (!name_space_.empty()) static_cast<void>(ip({"netns", "del", name_space_}));
}

Result<LinkDevices> LinkDevices::create(const Setting& setting) {
  TRY_ASSIGN(Device client, make_tun());
  TRY_ASSIGN(Device server, make_tun());
  if (auto added = ip({"netns", "add", setting.name_space}); !added) {
    added.error().message += fmt::format(
        "; if the namespace is left over from a link that was killed, run: ip netns del {}",
        setting.name_space);
    return std::move(added).error();
  }
  LinkDevices devices;
  devices.name_space_ = setting.name_space;
  devices.client_ = std::move(client.fd);
  devices.server_ = std::move(server.fd);

  const std::string client_address = fmt::format("10.{}.0.1", setting.subnet);
  const std::string server_address = fmt::format("10.{}.0.2", setting.subnet);
  const std::string mtu = fmt::format("{}", setting.mtu);
  const std::string& inside = setting.name_space;
  TRY(ip({"link", "set", server.name, "netns", inside}));
  TRY(ip({"-n", inside, "link", "set", "lo", "up"}));
  TRY(ip(
      {"-n", inside, "addr", "add", server_address, "peer", client_address, "dev", server.name}));
  // The lane has the queue; the device's default queue of 500 packets must not drop packets first.
  TRY(ip({"-n", inside, "link", "set", server.name, "mtu", mtu, "txqueuelen", "10000", "up"}));
  TRY(ip({"addr", "add", client_address, "peer", server_address, "dev", client.name}));
  TRY(ip({"link", "set", client.name, "mtu", mtu, "txqueuelen", "10000", "up"}));
  // Metrics cached for an earlier link to the same address would affect the start of the
  // connection.
  static_cast<void>(ip({"tcp_metrics", "flush", server_address}));
  return devices;
}

}  // namespace sluice::bench
