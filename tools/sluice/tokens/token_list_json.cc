#include "tools/sluice/tokens/token_list_json.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "engine/base/text.h"
#include "engine/report/receipt.h"

namespace sluice::cli {
namespace {

using nlohmann::ordered_json;

std::string text_of(WallTime time) {
  return utc_time(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch() /
                  std::chrono::nanoseconds(1));
}

}  // namespace

std::string token_list_json(const std::vector<StoredToken>& tokens, WallTime now,
                            const std::optional<Error>& error) {
  ordered_json json{{"version", SLUICE_VERSION}, {"tokens", ordered_json::array()}};
  for (const StoredToken& token : tokens) {
    const WallTime expires = token_expires(token.added, now);
    json["tokens"].push_back({{"dataset", token.dataset},
                              {"system", token.system},
                              {"file", token.file},
                              {"added", text_of(token.added)},
                              {"expires", text_of(expires)},
                              {"expired", expires <= now}});
  }
  json["error"] = nullptr;
  if (error)
    json["error"] = {{"kind", to_string(error->kind)}, {"message", printable(error->message)}};
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace sluice::cli
