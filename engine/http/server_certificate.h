#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace sluice {

/// The data of a server's own certificate, the first one in its chain.
struct ServerCertificate {
  std::optional<std::chrono::system_clock::time_point> ends;  ///< expiry; nullopt if unknown
  std::string issuer;  ///< printable, "C = US, O = Let's Encrypt, CN = R3"; empty if unknown
};

}  // namespace sluice
