#pragma once

#include <string>

#include "io/result.h"
#include "io/unique_fd.h"

namespace sluice::bench {

/// A network namespace and two TUN devices, one in it and one in the caller's: the two ends of a
/// link, which whoever holds this moves the packets between. One thread.
class LinkDevices {
 public:
  struct Setting {
    std::string name_space;  ///< is made, so must not exist
    unsigned subnet = 77;    ///< N of 10.N.0.1 and 10.N.0.2, 0 to 255
    unsigned mtu = 1500;     ///< bytes of an IP packet
  };

  /// Makes all of it, or nothing. What is missing (rights, /dev/net/tun, the program ip) is said in
  /// the error.
  static Result<LinkDevices> create(const Setting& setting);
  /// Takes it down. Programs that still run in the namespace keep it, without a link.
  ~LinkDevices();
  LinkDevices(LinkDevices&& other) noexcept;
  LinkDevices& operator=(LinkDevices&&) = delete;

  /// Non-blocking; frames as LinkPacket knows them.
  int client() const { return client_.get(); }
  int server() const { return server_.get(); }

 private:
  LinkDevices() = default;

  std::string name_space_;  ///< empty: not made (yet)
  UniqueFd client_;
  UniqueFd server_;
};

}  // namespace sluice::bench
