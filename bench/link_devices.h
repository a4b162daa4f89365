#pragma once

#include <string>

#include "io/result.h"
#include "io/unique_fd.h"

namespace sluice::bench {

/// A network namespace and two TUN devices, one in the namespace and one in the caller's. They are
/// the two ends of a link; the owner forwards packets between them. One thread.
class LinkDevices {
 public:
  struct Setting {
    std::string name_space;  ///< must not exist; created
    unsigned subnet = 77;    ///< N of 10.N.0.1 and 10.N.0.2, 0 to 255
    unsigned mtu = 1500;     ///< bytes of an IP packet
  };

  /// Creates the namespace and the devices, or nothing. The error says what is missing
  /// (permissions, /dev/net/tun, the program ip).
  static Result<LinkDevices> create(const Setting& setting);
  /// Deletes both. Programs that still run in the namespace keep it, without a link.
  ~LinkDevices();
  LinkDevices(LinkDevices&& other) noexcept;
  LinkDevices& operator=(LinkDevices&&) = delete;

  /// Non-blocking descriptors; read and write frames in the format of LinkPacket.
  int client() const { return client_.get(); }
  int server() const { return server_.get(); }

 private:
  LinkDevices() = default;

  std::string name_space_;  ///< empty: not created
  UniqueFd client_;
  UniqueFd server_;
};

}  // namespace sluice::bench
