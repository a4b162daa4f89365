#include "tools/sluice/commands/check_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "engine/base/unix_time.h"
#include "engine/protocol/deposit.h"
#include "engine/protocol/one_shot.h"
#include "engine/report/receipt.h"
#include "tools/sluice/display/or_null.h"

namespace sluice::cli {

namespace {

std::optional<std::chrono::system_clock::time_point> certificate_ends(const Findings& findings) {
  if (!findings.server || !findings.server->certificate) return {};
  return findings.server->certificate->ends;
}

}  // namespace

std::optional<std::int64_t> certificate_days_left(const Findings& findings) {
  const auto ends = certificate_ends(findings);
  if (!ends) return {};
  return std::chrono::floor<std::chrono::days>(*ends - std::chrono::system_clock::now()).count();
}

namespace {

using namespace std::chrono_literals;
using nlohmann::ordered_json;

/// Below this round-trip time, the send buffer does not limit the rate.
constexpr auto negligible_round_trip = 1ms;

std::optional<std::uint64_t> largest_file(const ServerProfile& server) {
  switch (server.protocol) {
    case ProtocolKind::tus:
      return server.tus.max_size == 0 ? max_file_size
                                      : std::min<std::uint64_t>(max_file_size, server.tus.max_size);
    case ProtocolKind::binary:
      return OneShot::most_bytes;
    case ProtocolKind::phased:
      return max_file_size;
    case ProtocolKind::automatic:
      break;
  }
  return {};
}

/// Returns the maximum rate of one connection, in bytes per second, that the send buffer allows at
/// that round-trip time; nothing if it is unknown or does not limit the rate.
std::optional<double> link_rate(const ServerProfile& server) {
  if (!server.round_trip || *server.round_trip < negligible_round_trip ||
      server.max_in_flight_bytes == 0)
    return {};
  return static_cast<double>(server.max_in_flight_bytes) /
         std::chrono::duration<double>(*server.round_trip).count();
}

/// Whether the server responded. It did if it refused the token or has no such dataset.
bool responded(const Findings& findings) {
  return findings.server ||
         (findings.error && (findings.error->kind == ErrorKind::token_refused ||
                             findings.error->kind == ErrorKind::no_such_dataset));
}

const char* token_state(const Findings& findings) {
  if (findings.error && findings.error->kind == ErrorKind::token_refused) return "refused";
  if (!findings.had_token) return "not asked";
  return findings.server && findings.server->token_taken ? "taken" : "unknown";
}

std::string joined(const std::vector<std::string>& words) {
  return words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", "));
}

/// Returns the round-trip time, and the limit that this machine's send buffer sets.
std::string link_text(const ServerProfile& server) {
  if (!server.round_trip) return "round trip unknown: the kernel does not report it";
  const std::string trip =
      *server.round_trip < 100us
          ? "round trip under 0.1 ms"
          : fmt::format("round trip {:.1f} ms",
                        static_cast<double>(server.round_trip->count()) / 1000);
  const auto rate = link_rate(server);
  if (!rate) return trip + "; this machine's send buffer does not limit the rate";
  return fmt::format(
      "{}; one connection carries {} at most ({} in flight, the limit of net.ipv4.tcp_wmem and "
      "net.core.wmem_max), several carry more",
      trip, format_rate(*rate), format_size(server.max_in_flight_bytes));
}

std::string protocol_text(const Findings& findings) {
  const ServerProfile& server = *findings.server;
  switch (server.protocol) {
    case ProtocolKind::tus:
      return fmt::format("tus; extensions: {}; checksums: {}", joined(server.tus.extensions),
                         joined(server.tus.algorithms));
    case ProtocolKind::automatic:
      return "unknown: only a request with a token shows the server's protocol; give a DATASET and "
             "its token";
    case ProtocolKind::phased:
    case ProtocolKind::binary:
      break;
  }
  return to_string(server.protocol);
}

std::string limits_text(const Findings& findings) {
  std::string text;
  if (const auto most = largest_file(*findings.server))
    text = fmt::format("files up to {}", format_size(*most));
  if (findings.facts.chunk_limit)
    text += fmt::format("{}chunks up to {} (the server refused longer ones before)",
                        text.empty() ? "" : ", ", format_size(*findings.facts.chunk_limit));
  if (findings.facts.refuses_lookahead(unix_s()))
    text += fmt::format("{}no pipelined chunks (the server refused them before)",
                        text.empty() ? "" : ", ");
  return text.empty() ? "none known" : text;
}

std::string time_text(std::chrono::system_clock::time_point time) {
  return utc_time(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

std::string certificate_text(const Findings& findings) {
  const auto days = certificate_days_left(findings);
  if (!days) return "";
  return fmt::format("; the certificate expires in {} {}, at {}", *days,
                     *days == 1 ? "day" : "days", time_text(*certificate_ends(findings)));
}

std::string clock_text(const ServerProfile& server) {
  if (!server.clock_ahead) return "unknown: the server sends no Date";
  const std::int64_t ahead = server.clock_ahead->count();
  if (ahead == 0) return "the server and this machine have the same time";
  return fmt::format("the server's clock is {} s {} this machine's", std::abs(ahead),
                     ahead < 0 ? "behind" : "ahead of");
}

std::string proxy_text(const Proxy& proxy) {
  if (proxy.source.empty()) return "none";
  if (proxy.exempt)
    return fmt::format("none: no_proxy names the server, or the server is this machine ({} is set)",
                       proxy.source);
  return fmt::format("{} (from {})", proxy.shown, proxy.source);
}

std::string trust_text(const Findings& findings) {
  const auto& server = findings.server;
  if (!server || !server->certificate || server->certificate->issuer.empty())
    return findings.trust->name();
  return fmt::format("the certificate is issued by '{}' and accepted by {}",
                     server->certificate->issuer, findings.trust->name());
}

std::string state_text(const Findings& findings) {
  const StateFindings& state = *findings.state;
  std::string text = printable(state.directory);
  if (!state.usable)
    text += ": not usable";
  else
    text += state.journal ? ": writable, has a journal" : ": writable, no journal yet";
  if (const auto& uploading = state.uploading) {
    text += fmt::format("; {} is being uploaded into dataset {}",
                        uploading->what.empty() ? "a file" : "'" + uploading->what + "'",
                        findings.dataset);
    if (uploading->pid != 0)
      text += fmt::format(" by process {}{}", uploading->pid,
                          uploading->host.empty() ? "" : " on " + uploading->host);
  }
  return text;
}

}  // namespace

std::string text_of(const Findings& findings) {
  std::string text;
  const auto line = [&](const char* what, const std::string& says) {
    text += fmt::format("{:9} {}\n", what, says);
  };
  if (findings.proxy) line("proxy", proxy_text(*findings.proxy));
  if (findings.trust) line("trust", trust_text(findings));
  if (findings.server) {
    const ServerProfile& server = *findings.server;
    line("server", fmt::format("{} responds{}{}{}", findings.url,
                               findings.url.starts_with("https:") ? " over TLS" : "",
                               server.http_server.empty() ? "" : " (" + server.http_server + ")",
                               certificate_text(findings)));
    line("protocol", protocol_text(findings));
    if (!findings.dataset.empty() && findings.had_token)
      line("token",
           server.token_taken
               ? fmt::format("accepted for dataset {}", findings.dataset)
               : fmt::format("not checked for dataset {}: the server checks it only when a file is "
                             "registered",
                             findings.dataset));
    else
      line("token", "not checked; give a DATASET and its token");
    line("limits", limits_text(findings));
    line("clock", clock_text(server));
    line("link", link_text(server));
  }
  if (findings.state) line("state", state_text(findings));
  if (findings.disk)
    line("disk", fmt::format("{} ({} read; {})", format_rate(findings.disk->bytes_per_second),
                             format_size(findings.disk->bytes), printable(findings.disk->how)));
  return text;
}

std::string json_of(const Findings& findings) {
  ordered_json json{{"version", SLUICE_VERSION},
                    {"url", findings.url},
                    {"dataset", findings.dataset},
                    {"reachable", responded(findings)},
                    {"token", token_state(findings)}};
  json["server"] = nullptr;
  if (findings.server) {
    const ServerProfile& server = *findings.server;
    std::optional<double> round_trip_s;
    if (server.round_trip) round_trip_s = std::chrono::duration<double>(*server.round_trip).count();
    std::optional<std::int64_t> clock_ahead_s;
    if (server.clock_ahead) clock_ahead_s = server.clock_ahead->count();
    json["server"] = {{"protocol", to_string(server.protocol)},
                      {"extensions", server.tus.extensions},
                      {"checksum_algorithms", server.tus.algorithms},
                      {"http_server", server.http_server},
                      {"most_file_bytes", or_null(largest_file(server))},
                      {"chunk_limit_bytes", or_null(findings.facts.chunk_limit)},
                      {"refuses_lookahead", findings.facts.refuses_lookahead(unix_s())},
                      {"clock_ahead_s", or_null(clock_ahead_s)},
                      {"round_trip_s", or_null(round_trip_s)},
                      {"connection_bytes_per_second", or_null(link_rate(server))},
                      {"certificate_ends", nullptr},
                      {"certificate_issuer", nullptr},
                      {"certificate_days_left", or_null(certificate_days_left(findings))}};
    if (const auto ends = certificate_ends(findings))
      json["server"]["certificate_ends"] = time_text(*ends);
    if (server.certificate && !server.certificate->issuer.empty())
      json["server"]["certificate_issuer"] = server.certificate->issuer;
  }
  json["proxy"] = nullptr;
  if (findings.proxy && !findings.proxy->source.empty())
    json["proxy"] = {
        {"url", findings.proxy->exempt ? ordered_json() : ordered_json(findings.proxy->shown)},
        {"from", findings.proxy->source},
        {"exempt", findings.proxy->exempt}};
  json["trust"] = nullptr;
  if (const auto& trust = findings.trust)
    json["trust"] = {
        {"file", trust->file.empty() ? ordered_json() : ordered_json(trust->file)},
        {"directory", trust->directory.empty() ? ordered_json() : ordered_json(trust->directory)},
        {"from", trust->source.empty() ? "system" : trust->source}};
  json["state"] = nullptr;
  if (const auto& state = findings.state) {
    json["state"] = {{"directory", state->directory},
                     {"usable", state->usable},
                     {"journal", state->journal},
                     {"uploading", nullptr}};
    if (const auto& uploading = state->uploading)
      json["state"]["uploading"] = {
          {"name", uploading->what}, {"process", uploading->pid}, {"host", uploading->host}};
  }
  json["disk"] = nullptr;
  if (findings.disk)
    json["disk"] = {{"bytes_per_second", findings.disk->bytes_per_second},
                    {"bytes", findings.disk->bytes},
                    {"how", findings.disk->how}};
  json["warnings"] = findings.warnings;
  json["error"] = nullptr;
  if (findings.error)
    json["error"] = {{"kind", to_string(findings.error->kind)},
                     {"message", findings.error->message}};
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace sluice::cli
