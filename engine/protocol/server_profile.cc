#include "engine/protocol/server_profile.h"

#include <fmt/format.h>
#include <algorithm>

#include <nlohmann/json.hpp>

namespace sluice {

const char* to_string(ProtocolKind kind) {
  switch (kind) {
    case ProtocolKind::automatic:
      return "auto";
    case ProtocolKind::phased:
      return "phased";
    case ProtocolKind::tus:
      return "tus";
    case ProtocolKind::binary:
      return "binary";
  }
  return "auto";
}

std::optional<ProtocolKind> parse_protocol(std::string_view text) {
  for (const ProtocolKind kind :
       {ProtocolKind::automatic, ProtocolKind::phased, ProtocolKind::tus, ProtocolKind::binary})
    if (text == to_string(kind)) return kind;
  return {};
}

bool TusServer::has(std::string_view extension) const {
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

std::string about_refused_options(int status) {
  return fmt::format(
      "the server or a firewall refuses OPTIONS (HTTP {}), so sluice cannot find out whether the "
      "server speaks tus; ask the administrators of the Data Bank to allow OPTIONS, POST, PATCH "
      "and HEAD for /files/, or try --protocol tus",
      status);
}

std::string to_text(const TusServer& server) {
  return nlohmann::ordered_json{{"extensions", server.extensions},
                                {"algorithms", server.algorithms},
                                {"max_size", server.max_size},
                                {"sends_resumable", server.sends_resumable}}
      .dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::ordered_json::error_handler_t::replace);
}

std::optional<TusServer> parse_tus_server(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return {};
  try {
    TusServer server;
    json.at("extensions").get_to(server.extensions);
    json.at("algorithms").get_to(server.algorithms);
    const auto& most = json.at("max_size");
    if (!most.is_number_unsigned()) return {};  // get_to() would turn -1 into 2^64 - 1
    most.get_to(server.max_size);
    // Earlier versions did not write this member.
    server.sends_resumable = json.value("sends_resumable", false);
    return server;
  } catch (const nlohmann::json::exception&) {
    return {};
  }
}

}  // namespace sluice
