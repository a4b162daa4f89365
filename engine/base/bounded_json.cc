#include "engine/base/bounded_json.h"

namespace sluice {

nlohmann::json parse_bounded(std::string_view text, int max_depth) {
  using nlohmann::json;
  bool too_deep = false;
  json value = json::parse(
      text,
      [&](int depth, json::parse_event_t, json&) {
        too_deep = too_deep || depth > max_depth;
        return !too_deep;
      },
      /*allow_exceptions=*/false);
  return too_deep ? json(json::value_t::discarded) : value;
}

}  // namespace sluice
