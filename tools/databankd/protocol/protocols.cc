#include "tools/databankd/protocol/protocols.h"

#include <algorithm>

namespace sluice::databankd {

std::optional<Protocols> parse_protocols(std::string_view text) {
  Protocols protocols{.phased = false, .tus = false, .binary = false};
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view name = text.substr(0, comma);
    bool* const chosen = name == "phased"   ? &protocols.phased
                         : name == "tus"    ? &protocols.tus
                         : name == "binary" ? &protocols.binary
                                            : nullptr;
    if (chosen == nullptr) return std::nullopt;
    *chosen = true;
    if (comma == text.size()) return protocols;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace sluice::databankd
