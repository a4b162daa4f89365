#pragma once

#include <optional>
#include <string_view>

namespace sluice::databankd {

/// Which ways in a server has. All three is none of the real ones, and the most useful for tests.
struct Protocols {
  bool phased = true;
  bool tus = true;
  bool binary = true;
};

/// "phased,tus,binary": any of them, at least one. Empty for anything else.
std::optional<Protocols> parse_protocols(std::string_view text);

}  // namespace sluice::databankd
