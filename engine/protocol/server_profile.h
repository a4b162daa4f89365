#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/http/server_certificate.h"

/// What is known of a server before anything is sent to it.
namespace sluice {

/// The ways into a Data Bank (protocol sections 1, 2 and 3).
enum class ProtocolKind { automatic, phased, tus, binary };
/// "auto", "phased", "tus", "binary": as the command line, reports and the journal have it.
const char* to_string(ProtocolKind kind);
std::optional<ProtocolKind> parse_protocol(std::string_view text);

/// What a tus server announces (tus 1.0, OPTIONS).
struct TusServer {
  std::vector<std::string> extensions;  ///< as announced, lower case
  std::vector<std::string> algorithms;  ///< Tus-Checksum-Algorithm, the same
  std::uint64_t max_size = 0;           ///< bytes; 0: none was named
  bool sends_resumable = false;         ///< its answers have Tus-Resumable; false: not known

  bool has(std::string_view extension) const;
};

struct ServerProfile {
  ProtocolKind protocol = ProtocolKind::automatic;  ///< automatic: not known
  TusServer tus;                                    ///< where it speaks that
  bool remembered = false;  ///< from the journal; nothing below was measured then
  /// Smoothed, of the connection; nothing where the kernel does not tell.
  std::optional<std::chrono::microseconds> round_trip;
  /// The server's clock (Date, RFC 9110 6.6.1) ahead of this machine's; whole seconds.
  std::optional<std::chrono::seconds> clock_ahead;
  std::optional<ServerCertificate> certificate;  ///< nothing without TLS
  std::string http_server;                       ///< its Server header, fit to show; empty for none
  /// With that status something forbids OPTIONS, so that nobody knows whether it speaks tus; 0 for
  /// no such thing.
  int options_refused = 0;
  /// OPTIONS had no response from the server, which may also speak tus.
  bool options_unanswered = false;
  /// It has shown that it takes the token for the dataset; false where nobody has asked.
  bool token_taken = false;
  /// Bytes that the kernel lets one connection to it have under way at most; 0 for not known.
  std::uint64_t most_under_way = 0;
  /// Its congestion control is BBR.
  bool bbr = false;
};

/// What is to be said where ServerProfile::options_refused is `status`, without an end.
std::string about_refused_options(int status);

/// One line of text for the journal, and back; what cannot be understood is nothing.
std::string to_text(const TusServer& server);
std::optional<TusServer> parse_tus_server(std::string_view text);

}  // namespace sluice
