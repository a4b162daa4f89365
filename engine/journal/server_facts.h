#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/result.h"

namespace sluice {

/// The facts that uploads have learned about one server, for the next upload. An invalid value in
/// the journal's file counts as missing.
struct ServerFacts {
  /// The largest payload of one request, in bytes, that the server accepted after it had refused a
  /// larger one (413).
  std::optional<std::uint64_t> chunk_limit = {};
  /// The last chunk length, in bytes, of an upload that chose the length automatically.
  std::optional<std::uint64_t> chunk_bytes = {};
  /// When the server, or a front server, last refused to wait for the held-back end of a request's
  /// body; Unix seconds.
  std::optional<std::int64_t> lookahead_refused_s = {};
  /// The server's protocol, one of is_protocol_name(), and when it was detected; Unix seconds.
  std::optional<std::string> protocol = {};
  std::optional<std::int64_t> protocol_s = {};
  /// The capabilities of the tus server, as text of engine/protocol/server_profile.h; empty for
  /// none.
  std::string tus = {};
  /// The limit on concurrent requests to which overload reduced the uploads
  /// (engine/policy/request_limit.h), and when; Unix seconds. nullopt: never reduced.
  std::optional<unsigned> requests = {};
  std::optional<std::int64_t> requests_s = {};

  /// Returns whether `lookahead_refused_s` is at most 7 days old. Older facts no longer count,
  /// because servers change.
  bool refuses_lookahead(std::int64_t now_s) const;
  /// Returns `requests` if at most 7 days old; else nullopt.
  std::optional<unsigned> request_limit(std::int64_t now_s) const;
  /// Returns whether `protocol` is known and at most a day old.
  bool knows_protocol(std::int64_t now_s) const;
};

/// Returns whether `word` is one of the journal's names of the protocols: "phased", "tus" and
/// "binary". Any thread.
bool is_protocol_name(std::string_view word);

/// The maximum length of ServerFacts::tus, in bytes.
inline constexpr std::size_t max_tus_facts = 4096;

/// Checks that the facts are possible: a known protocol, and at most max_tus_facts printable ASCII
/// characters. Error failed, whose message is a clause. Any thread.
Result<void> check_protocol_facts(std::string_view protocol, std::string_view tus);

/// Returns whether every byte is a printable ASCII character or a blank. Any thread.
bool is_printable_ascii(std::string_view text);

}  // namespace sluice
