#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace sluice {

/// Parses JSON from a server or a file. Returns a discarded value (is_discarded()) if `text` is not
/// valid JSON, or if a value is nested in more than `max_depth` arrays and objects. The limit keeps
/// the input from choosing the depth of the parser's recursion. Any thread.
nlohmann::json parse_bounded(std::string_view text, int max_depth);

}  // namespace sluice
