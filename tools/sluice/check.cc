#include "tools/sluice/check.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "engine/deposit.h"
#include "engine/journal.h"
#include "engine/one_shot.h"
#include "engine/text.h"
#include "engine/units.h"
#include "engine/upload.h"
#include "tools/sluice/address.h"
#include "tools/sluice/console.h"
#include "tools/sluice/disk_rate.h"
#include "tools/sluice/report_text.h"
#include "tools/sluice/stop.h"
#include "tools/sluice/token_source.h"
#include "tools/sluice/uploader.h"

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;
using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

/// Of the ten seconds that the whole takes at most.
constexpr auto longest_asking = 7s;
constexpr auto longest_reading = 2s;
constexpr std::uint64_t most_read = std::uint64_t{1} << 30;
/// Certificates and the expiry of tokens and uploads are about minutes at least.
constexpr auto largest_skew = 60s;
/// What is nearer is held up by nothing that a send buffer decides.
constexpr auto long_round_trip = 1ms;

/// What was found out, for a person and for a program.
struct Findings {
  std::string url;
  std::string dataset;
  bool had_token = false;
  std::optional<ServerProfile> server;
  ServerFacts facts;
  std::optional<DiskRate> disk;
  std::vector<std::string> warnings;
  std::optional<Error> error;
};

std::int64_t now_s() {
  return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

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

/// Bytes a second that one connection can have under way at that round trip; nothing where that is
/// not known or no limit.
std::optional<double> link_rate(const ServerProfile& server) {
  if (!server.round_trip || *server.round_trip < long_round_trip || server.most_under_way == 0)
    return {};
  return static_cast<double>(server.most_under_way) /
         std::chrono::duration<double>(*server.round_trip).count();
}

const char* token_state(const Findings& findings) {
  if (findings.error && findings.error->kind == ErrorKind::token_refused) return "refused";
  if (!findings.had_token) return "not asked";
  return findings.server && findings.server->token_taken ? "taken" : "unknown";
}

std::string joined(const std::vector<std::string>& words) {
  return words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", "));
}

/// What stands between this machine and an upload that is as fast as the link.
std::string link_text(const ServerProfile& server) {
  if (!server.round_trip) return "the kernel does not tell the round trip";
  const std::string trip =
      fmt::format("round trip {:.1f} ms", static_cast<double>(server.round_trip->count()) / 1000);
  const auto rate = link_rate(server);
  if (!rate) return trip + ", so near that this machine's send buffer is no limit";
  return fmt::format(
      "{}, so one connection can carry {} at most ({} under way; "
      "net.ipv4.tcp_wmem and net.core.wmem_max decide), several carry more",
      trip, format_rate(*rate), format_size(server.most_under_way));
}

std::string protocol_text(const Findings& findings) {
  const ServerProfile& server = *findings.server;
  switch (server.protocol) {
    case ProtocolKind::tus:
      return fmt::format("tus, with the extensions {}; checksums {}", joined(server.tus.extensions),
                         joined(server.tus.algorithms));
    case ProtocolKind::automatic:
      return "not tus; which one it is takes a dataset and its token to find out";
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
    text += fmt::format("{}chunks up to {} (it refused more before)", text.empty() ? "" : ", ",
                        format_size(*findings.facts.chunk_limit));
  if (findings.facts.refuses_lookahead(now_s()))
    text += fmt::format("{}no chunks ahead (it did not wait for them before)",
                        text.empty() ? "" : ", ");
  return text.empty() ? "none that are known" : text;
}

std::string text_of(const Findings& findings) {
  std::string text;
  const auto line = [&](const char* what, const std::string& says) {
    text += fmt::format("{:9} {}\n", what, says);
  };
  if (findings.server) {
    const ServerProfile& server = *findings.server;
    line("server", fmt::format("{} answers{}{}", findings.url,
                               findings.url.starts_with("https:") ? " over TLS" : "",
                               server.http_server.empty() ? "" : " (" + server.http_server + ")"));
    line("protocol", protocol_text(findings));
    if (!findings.dataset.empty() && findings.had_token)
      line("token",
           server.token_taken
               ? fmt::format("is taken for dataset {}", findings.dataset)
               : fmt::format("whether it is taken for dataset {} shows only when a file is "
                             "registered",
                             findings.dataset));
    else
      line("token", "not asked: that takes a dataset and its token");
    line("limits", limits_text(findings));
    line("clock", server.clock_ahead
                      ? fmt::format("the server's is {} s {} this machine's",
                                    std::chrono::abs(*server.clock_ahead).count(),
                                    server.clock_ahead->count() < 0 ? "behind" : "ahead of")
                      : "the server does not tell its time");
    line("link", link_text(server));
  }
  if (findings.disk)
    line("disk", fmt::format("{} ({} read; {})", format_rate(findings.disk->bytes_per_second),
                             format_size(findings.disk->bytes), printable(findings.disk->how)));
  return text;
}

template <class Value>
ordered_json or_null(const std::optional<Value>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json json_of(const Findings& findings) {
  ordered_json json{{"version", SLUICE_VERSION},
                    {"url", findings.url},
                    {"dataset", findings.dataset},
                    {"reachable", findings.server.has_value()},
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
                      {"refuses_lookahead", findings.facts.refuses_lookahead(now_s())},
                      {"clock_ahead_s", or_null(clock_ahead_s)},
                      {"round_trip_s", or_null(round_trip_s)},
                      {"connection_bytes_per_second", or_null(link_rate(server))}};
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
  return json;
}

/// What the journal knows of the server; nothing where there is none.
ServerFacts remembered(const std::string& state_dir, const std::string& url) {
  UploadOptions options;
  options.state_dir = state_dir;
  const auto directory = cli::state_dir(options);
  if (!directory) return {};
  const auto journal = Journal::open_existing(*directory);
  if (!journal || !*journal) return {};
  return (*journal)->facts(url).value_or(ServerFacts{});
}

Result<ServerProfile> ask(const Findings& findings, const Secret& token) {
  // Nothing of the pool is used, so the least there can be.
  EngineOptions least;
  least.block_bytes = 4096;
  least.pool_bytes = 2 * least.block_bytes;
  least.journal = false;
  least.retry.retries = 0;
  TRY_ASSIGN(const auto engine, Engine::create(least));
  const auto deadline = Clock::now() + longest_asking;
  Engine::Inquiry inquiry;
  inquiry.base_url = findings.url;
  if (findings.had_token) {
    inquiry.dataset = findings.dataset;
    inquiry.token = token;
  }
  inquiry.fresh = true;
  inquiry.stop = [deadline] { return stop_signal() != 0 || Clock::now() >= deadline; };
  Result<ServerProfile> profile = engine->ask_server(inquiry);
  if (!profile && profile.error().kind == ErrorKind::interrupted && stop_signal() == 0)
    return Error{ErrorKind::unreachable,
                 fmt::format("no answer from {} within {} s: is the address right, and does a "
                             "firewall or a proxy stand in between?",
                             findings.url, longest_asking.count())};
  return profile;
}

Result<void> find_out(const CheckOptions& options, Findings& findings) {
  TRY_ASSIGN(findings.url, chosen_url(options.url, options.system, options.insecure_http));
  Secret token;
  if (!options.dataset.empty()) {
    TRY(check_dataset_key(options.dataset));
    TRY_ASSIGN(token, read_token(options.token_file));
    findings.had_token = true;
  }
  if (!options.file.empty()) {
    TRY_ASSIGN(findings.disk, measure_disk(options.file, longest_reading, most_read));
  }
  findings.facts = remembered(options.state_dir, findings.url);
  TRY_ASSIGN(findings.server, ask(findings, token));
  const ServerProfile& server = *findings.server;
  if (server.clock_ahead && std::chrono::abs(*server.clock_ahead) > largest_skew)
    findings.warnings.push_back(
        fmt::format("this machine's clock and the server's differ by {} s: certificates, tokens "
                    "and unfinished uploads then seem to expire too early or too late; set it",
                    std::chrono::abs(*server.clock_ahead).count()));
  return {};
}

}  // namespace

int check(const CheckOptions& options) {
  catch_stop_signals();
  Console console({});
  Findings findings;
  findings.dataset = options.dataset;
  if (Result<void> found = find_out(options, findings); !found) {
    findings.error = found.error();
    findings.error->message = printable(findings.error->message);
  }
  const std::string text =
      options.json
          ? json_of(findings).dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n'
          : text_of(findings);
  console.result(text);
  for (const std::string& warning : findings.warnings) console.warning(warning);
  if (!findings.error) return 0;
  console.error(findings.error->message);
  if (findings.error->kind == ErrorKind::interrupted && stop_signal() != 0)
    return 128 + stop_signal();
  return exit_code(*findings.error);
}

}  // namespace sluice::cli
