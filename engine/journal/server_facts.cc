#include "engine/journal/server_facts.h"

#include <algorithm>

namespace sluice {
namespace {

constexpr std::int64_t day_s = std::int64_t{24} * 60 * 60;

/// A time in the future comes from a wrong clock.
bool is_within(std::int64_t then_s, std::int64_t now_s, std::int64_t seconds) {
  return then_s <= now_s && now_s - then_s < seconds;
}

}  // namespace

bool ServerFacts::refuses_lookahead(std::int64_t now_s) const {
  return lookahead_refused_s && is_within(*lookahead_refused_s, now_s, 7 * day_s);
}

std::optional<unsigned> ServerFacts::request_limit(std::int64_t now_s) const {
  if (!requests || !requests_s || !is_within(*requests_s, now_s, 7 * day_s)) return {};
  return requests;
}

bool ServerFacts::knows_protocol(std::int64_t now_s) const {
  return protocol && protocol_s && is_within(*protocol_s, now_s, day_s);
}

bool is_protocol_name(std::string_view word) {
  return word == "phased" || word == "tus" || word == "binary";
}

Result<void> check_protocol_facts(std::string_view protocol, std::string_view tus) {
  if (!is_protocol_name(protocol))
    return Error{.kind = ErrorKind::failed, .message = "the protocol is not phased, tus or binary"};
  if (tus.size() > max_tus_facts || !is_printable_ascii(tus))
    return Error{.kind = ErrorKind::failed,
                 .message = "the description of the tus server is too long or not printable"};
  return {};
}

bool is_printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace sluice
