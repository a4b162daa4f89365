#pragma once

#include <string>

#include "io/result.h"
#include "io/unique_fd.h"

namespace sluice::databankd {

/// A TCP socket that listens.
struct Listener {
  UniqueFd fd;
  std::string url;  ///< `http://127.0.0.1:3000`, with the port that it really has
};

/// Listens on `address`: `HOST:PORT`, or `[HOST]:PORT` for IPv6; port 0 lets the kernel choose.
/// Error usage for an address that is none, failed where it cannot be had.
Result<Listener> listen_on(const std::string& address);

}  // namespace sluice::databankd
