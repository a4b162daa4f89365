// What people type: sizes, rates, durations, addresses, names, keys, lists of digests, faults. What
// is taken means what it says, within its range, and is the same when it is written out and read
// again; what is refused is refused with a message fit to show.
//
// Input: the text, given to all of them.

#include <strings.h>

#include <algorithm>
#include <limits>
#include <string>

#include "engine/base/units.h"
#include "engine/digest/digest_kind.h"
#include "engine/http/base_url.h"
#include "engine/http/url.h"
#include "engine/protocol/deposit.h"
#include "tests/fuzz/fuzz.h"
#include "tools/databankd/faults/faults.h"

namespace {

using namespace sluice;

template <class T>
bool taken(const Result<T>& result) {
  if (result) return true;
  FUZZ_CHECK(result.error().kind == ErrorKind::usage);
  fuzz::check_shown(result.error().message);
  return false;
}

void check_sizes(const std::string& text) {
  const auto bytes = parse_size(text);
  const auto rate = parse_rate(text);
  if (taken(rate)) FUZZ_CHECK(!bytes || *rate == *bytes, text);
  if (!taken(bytes)) return;
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  FUZZ_CHECK(*bytes <= most, text);
  FUZZ_CHECK(parse_size(std::to_string(*bytes)) == *bytes, text);
  FUZZ_CHECK(parse_rate(text + "/s") == *bytes, text);
  FUZZ_CHECK(parse_rate(text + "ps") == *bytes, text);
  if (std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    const std::string kib = text + "K", kb = text + "kB";
    FUZZ_CHECK(*bytes > most / 1024 ? !parse_size(kib) : parse_size(kib) == *bytes * 1024, text);
    FUZZ_CHECK(*bytes > most / 1000 ? !parse_size(kb) : parse_size(kb) == *bytes * 1000, text);
  }
  // Shown with two decimals, and cut to whole bytes; 2^63, to which it may be rounded, is no size.
  const std::string shown = format_size(*bytes);
  fuzz::check_shown(shown);
  if (const auto again = parse_size(shown); *bytes < most / 2) {
    FUZZ_CHECK(again, shown);
    const std::uint64_t off = *again > *bytes ? *again - *bytes : *bytes - *again;
    FUZZ_CHECK(off <= *bytes / 200 + 2, shown);
  }
  fuzz::check_shown(format_rate(static_cast<double>(*bytes)));
}

void check_durations(const std::string& text) {
  const auto time = parse_duration(text);
  if (!taken(time)) return;
  FUZZ_CHECK(time->count() >= 0 && time->count() <= std::int64_t{10} * 365 * 86400, text);
  FUZZ_CHECK(parse_duration(std::to_string(time->count()) + "s") == *time, text);
  fuzz::check_shown(format_duration(static_cast<double>(time->count())));
}

void check_addresses(const std::string& text) {
  const auto base = check_base_url(text, true);
  const auto strict = check_base_url(text, false);
  if (taken(strict)) FUZZ_CHECK(base && *base == *strict, text);
  if (!taken(base)) return;
  fuzz::check_shown(*base);
  FUZZ_CHECK(!base->ends_with('/') && base->find_first_of("@?#") == std::string::npos, *base);
  FUZZ_CHECK(check_base_url(*base, true) == *base, *base);
  FUZZ_CHECK(strict.has_value() == check_base_url(*base, false).has_value(), *base);
  // Where requests will go is what was looked at.
  const auto looked_at = split_url(text);
  const auto sent_to = split_url(*base + "/api/dataset/IDB-1/datafile");
  FUZZ_CHECK(looked_at && sent_to, *base);
  FUZZ_CHECK(looked_at->scheme == sent_to->scheme, *base);
  FUZZ_CHECK(strcasecmp(looked_at->host.c_str(), sent_to->host.c_str()) == 0, *base);
}

void check_names(const std::string& text) {
  if (taken(check_deposit_name(text))) {
    FUZZ_CHECK(!text.empty() && text.size() <= 255 && is_utf8(text), text);
    FUZZ_CHECK(text != "." && text != ".." && text.find('/') == std::string::npos, text);
    FUZZ_CHECK(text.find_first_of(std::string("\0\r\n\x1B", 4)) == std::string::npos, text);
  }
  if (taken(check_dataset_key(text)))
    FUZZ_CHECK(text.size() <= 64 &&
                   text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                          "0123456789-_") == std::string::npos,
               text);
  if (taken(check_token(text)))
    FUZZ_CHECK(text.find_first_of(std::string("\0\r\n \"", 5)) == std::string::npos, text);
  if (const auto kinds = parse_digests(text); taken(kinds)) {
    FUZZ_CHECK(kinds->size() <= 2, text);
    FUZZ_CHECK(parse_digests(to_string(*kinds)) == *kinds, text);
  }
}

void check_faults(const std::string& text) {
  const auto fault = databankd::parse_fault(text);
  if (!fault) return;  // databankd is a tool for tests, and quotes what was typed
  using Kind = databankd::FaultKind;
  const bool has_status =
      fault->kind == Kind::status || fault->kind == Kind::answer || fault->kind == Kind::front;
  FUZZ_CHECK(has_status == (fault->status >= 200 && fault->status <= 599), text);
  FUZZ_CHECK((fault->kind == Kind::slow) == (fault->rate >= 1), text);
  FUZZ_CHECK(fault->time.count() >= 0 && fault->time <= std::chrono::hours(24), text);
  FUZZ_CHECK(
      fault->kind == Kind::tail_timeout || fault->kind == Kind::front || fault->time.count() == 0,
      text);
  FUZZ_CHECK(fault->probability >= 0 && fault->probability <= 1, text);
  FUZZ_CHECK(text.starts_with(fault->name), text);
  databankd::FaultPlan plan({*fault});
  for (int request = 0; request < 3; ++request)
    if (const auto strike = plan.decide(fault->on)) plan.count(*strike);
  FUZZ_CHECK(plan.summary().starts_with(fault->name), text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::text_of(data, size));
  check_sizes(text);
  check_durations(text);
  check_addresses(text);
  check_names(text);
  check_faults(text);
  return 0;
}
