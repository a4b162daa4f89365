#pragma once

#include <string>

#include "io/result.h"
#include "io/unique_fd.h"

namespace sluice::databankd {

/// A listening TCP socket.
struct Listener {
  UniqueFd fd;
  std::string url;  ///< `http://127.0.0.1:3000`, with the actual port
};

/// Listens on `address`: `HOST:PORT`, or `[HOST]:PORT` for IPv6; port 0 lets the kernel choose.
/// Errors: usage for an invalid address, failed if it cannot be bound.
Result<Listener> listen_on(const std::string& address);

}  // namespace sluice::databankd
