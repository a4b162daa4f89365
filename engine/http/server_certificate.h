#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace sluice {

/// What a server's own certificate says, the first one in its chain.
struct ServerCertificate {
  std::optional<std::chrono::system_clock::time_point> ends;
  std::string issuer;  ///< "C = US, O = Let's Encrypt, CN = R3", fit to show; empty for not known
};

}  // namespace sluice
