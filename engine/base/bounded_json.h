#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace sluice {

/// JSON from outside. Discarded (is_discarded()) where it is none, or where something lies within
/// more than `max_depth` arrays and objects: a parser's recursion is not for a server or a file to
/// choose. Any thread.
nlohmann::json parse_bounded(std::string_view text, int max_depth);

}  // namespace sluice
