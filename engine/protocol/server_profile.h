#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/http/server_certificate.h"

/// What sluice knows about a server before an upload begins.
namespace sluice {

/// The upload protocols of a Data Bank (protocol sections 1, 2 and 3).
enum class ProtocolKind { automatic, phased, tus, binary };
/// Returns "auto", "phased", "tus" or "binary": the names in options, reports and the journal.
const char* to_string(ProtocolKind kind);
/// Returns the protocol with that name; nullopt for any other text.
std::optional<ProtocolKind> parse_protocol(std::string_view text);

/// The capabilities that a tus server announces in its response to OPTIONS (tus 1.0).
struct TusServer {
  std::vector<std::string> extensions;  ///< Tus-Extension, in lower case
  std::vector<std::string> algorithms;  ///< Tus-Checksum-Algorithm, in lower case
  std::uint64_t max_size = 0;           ///< Tus-Max-Size in bytes; 0: not announced
  bool sends_resumable = false;         ///< its responses have Tus-Resumable; false: not known

  /// Returns whether the server announces `extension`, in lower case.
  bool has(std::string_view extension) const;
};

/// What an inquiry has found out about a server.
struct ServerProfile {
  ProtocolKind protocol = ProtocolKind::automatic;  ///< `automatic`: not known
  TusServer tus;                                    ///< if the server speaks tus
  /// True: `protocol` and `tus` come from the journal. The members below are then set only if this
  /// inquiry asked the server about the token.
  bool remembered = false;
  /// Smoothed round-trip time of the connection; nullopt if the kernel does not report one.
  std::optional<std::chrono::microseconds> round_trip;
  /// How far the server's clock (Date, RFC 9110 6.6.1) is ahead of this machine's clock.
  std::optional<std::chrono::seconds> clock_ahead;
  std::optional<ServerCertificate> certificate;  ///< nullopt without TLS
  std::string http_server;  ///< Server header, safe for a terminal; empty if absent
  /// The status (403, 405 or 501) with which the server or a firewall refuses OPTIONS, so that
  /// sluice does not know whether the server speaks tus; 0 if OPTIONS was not refused.
  int options_refused = 0;
  /// OPTIONS got no response, or that of an unavailable server, so the server may speak tus besides
  /// `protocol`.
  bool options_unanswered = false;
  /// The server has accepted the token for the dataset. False: not known, or not asked.
  bool token_taken = false;
  /// The most bytes that the kernel keeps in flight on one connection to the server; 0: not known.
  std::uint64_t max_in_flight_bytes = 0;
  /// The connection to the server uses BBR congestion control.
  bool bbr = false;
};

/// Returns the warning for ServerProfile::options_refused == `status`, without a full stop.
std::string about_refused_options(int status);

/// Returns `server` as one line of JSON for the journal.
std::string to_text(const TusServer& server);
/// Reads the result of to_text(); nullopt for any other text.
std::optional<TusServer> parse_tus_server(std::string_view text);

}  // namespace sluice
