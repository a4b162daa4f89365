#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/result.h"

namespace sluice {

/// What uploads to one server have found out about it, for the next one. What makes no sense in the
/// journal's file is as good as nothing.
struct ServerFacts {
  /// The largest payload of one request that it took, in bytes, after it had refused more (413).
  std::optional<std::uint64_t> chunk_limit = {};
  /// The length of the chunks where an upload ended that chose it by itself, in bytes.
  std::optional<std::uint64_t> chunk_bytes = {};
  /// When it, or what stands in front of it, last refused to wait for the held-back end of a
  /// request's body; Unix seconds.
  std::optional<std::int64_t> lookahead_refused_s = {};
  /// What it was found to speak, one of is_protocol_name(), and when that was; Unix seconds.
  std::optional<std::string> protocol = {};
  std::optional<std::int64_t> protocol_s = {};
  /// What it said its tus server can do, as whoever found out wrote it; empty for nothing.
  std::string tus = {};
  /// To how many requests at a time uploads had to go down (engine/policy/request_limit.h), and
  /// when that was; Unix seconds.
  std::optional<unsigned> requests = {};
  std::optional<std::int64_t> requests_s = {};

  /// Whether that refusal is still to be heeded: for 7 days, as servers change.
  bool refuses_lookahead(std::int64_t now_s) const;
  /// `requests`, if that is still to be heeded: for 7 days.
  std::optional<unsigned> request_limit(std::int64_t now_s) const;
  /// Whether `protocol` is still to be relied on: for a day.
  bool knows_protocol(std::int64_t now_s) const;
};

/// "phased", "tus" and "binary": the words that the journal has for the protocols. Any thread.
bool is_protocol_name(std::string_view word);

/// The most bytes of ServerFacts::tus.
inline constexpr std::size_t max_tus_facts = 4096;

/// Whether these can be facts: a protocol that is known, and at most max_tus_facts printable ASCII
/// characters. Error failed, half a sentence. Any thread.
Result<void> check_protocol_facts(std::string_view protocol, std::string_view tus);

/// Whether every byte is a printable ASCII character, blanks among them. Any thread.
bool is_printable_ascii(std::string_view text);

}  // namespace sluice
