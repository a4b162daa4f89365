#pragma once

#include <optional>
#include <string_view>

namespace sluice::databankd {

/// The protocols that a server supports. No real server has all three; for tests, that is the most
/// useful.
struct Protocols {
  bool phased = true;
  bool tus = true;
  bool binary = true;
};

/// Parses "phased,tus,binary": one or more of them. Empty for anything else.
std::optional<Protocols> parse_protocols(std::string_view text);

}  // namespace sluice::databankd
