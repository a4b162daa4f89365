// Values on the command line: sizes, rates, durations, URLs, names, keys, lists of digests, faults.
// An accepted value is correct and within its range, and stays the same if formatted and parsed
// again; a rejected value has a printable message.
//
// Input: the text, which every parser gets.

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
bool is_accepted(const Result<T>& result) {
  if (result) return true;
  FUZZ_CHECK(result.error().kind == ErrorKind::usage);
  fuzz::check_shown(result.error().message);
  return false;
}

void check_sizes(const std::string& text) {
  const auto bytes = parse_size(text);
  const auto rate = parse_rate(text);
  if (is_accepted(rate)) FUZZ_CHECK(!bytes || *rate == *bytes, text);
  if (!is_accepted(bytes)) return;
  constexpr std::uint64_t max_size = std::numeric_limits<std::int64_t>::max();
  FUZZ_CHECK(*bytes <= max_size, text);
  FUZZ_CHECK(parse_size(std::to_string(*bytes)) == *bytes, text);
  FUZZ_CHECK(parse_rate(text + "/s") == *bytes, text);
  FUZZ_CHECK(parse_rate(text + "ps") == *bytes, text);
  if (std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    const std::string kib = text + "K", kb = text + "kB";
    FUZZ_CHECK(*bytes > max_size / 1024 ? !parse_size(kib) : parse_size(kib) == *bytes * 1024,
               text);
    FUZZ_CHECK(*bytes > max_size / 1000 ? !parse_size(kb) : parse_size(kb) == *bytes * 1000, text);
  }
  // format_size() rounds to two decimals, and parse_size() to whole bytes. A size rounded up to
  // 2^63 would be rejected.
  const std::string shown = format_size(*bytes);
  fuzz::check_shown(shown);
  if (const auto again = parse_size(shown); *bytes < max_size / 2) {
    FUZZ_CHECK(again, shown);
    const std::uint64_t difference = *again > *bytes ? *again - *bytes : *bytes - *again;
    FUZZ_CHECK(difference <= *bytes / 200 + 2, shown);
  }
  fuzz::check_shown(format_rate(static_cast<double>(*bytes)));
}

void check_durations(const std::string& text) {
  const auto time = parse_duration(text);
  if (!is_accepted(time)) return;
  FUZZ_CHECK(time->count() >= 0 && time->count() <= std::int64_t{10} * 365 * 86400, text);
  FUZZ_CHECK(parse_duration(std::to_string(time->count()) + "s") == *time, text);
  fuzz::check_shown(format_duration(static_cast<double>(time->count())));
}

void check_urls(const std::string& text) {
  const auto base = check_base_url(text, true);
  const auto strict = check_base_url(text, false);
  if (is_accepted(strict)) FUZZ_CHECK(base && *base == *strict, text);
  if (!is_accepted(base)) return;
  fuzz::check_shown(*base);
  FUZZ_CHECK(!base->ends_with('/') && base->find_first_of("@?#") == std::string::npos, *base);
  FUZZ_CHECK(check_base_url(*base, true) == *base, *base);
  FUZZ_CHECK(strict.has_value() == check_base_url(*base, false).has_value(), *base);
  // Requests go to the server that was checked.
  const auto checked = split_url(text);
  const auto target = split_url(*base + "/api/dataset/IDB-1/datafile");
  FUZZ_CHECK(checked && target, *base);
  FUZZ_CHECK(checked->scheme == target->scheme, *base);
  FUZZ_CHECK(strcasecmp(checked->host.c_str(), target->host.c_str()) == 0, *base);
}

void check_names(const std::string& text) {
  if (is_accepted(check_deposit_name(text))) {
    FUZZ_CHECK(!text.empty() && text.size() <= 255 && is_utf8(text), text);
    FUZZ_CHECK(text != "." && text != ".." && text.find('/') == std::string::npos, text);
    FUZZ_CHECK(text.find_first_of(std::string("\0\r\n\x1B", 4)) == std::string::npos, text);
  }
  if (is_accepted(check_dataset_key(text)))
    FUZZ_CHECK(text.size() <= 64 &&
                   text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                          "0123456789-_") == std::string::npos,
               text);
  if (is_accepted(check_token(text)))
    FUZZ_CHECK(text.find_first_of(std::string("\0\r\n \"", 5)) == std::string::npos, text);
  if (const auto kinds = parse_digests(text); is_accepted(kinds)) {
    FUZZ_CHECK(kinds->size() <= 2, text);
    FUZZ_CHECK(parse_digests(to_string(*kinds)) == *kinds, text);
  }
}

void check_faults(const std::string& text) {
  const auto fault = databankd::parse_fault(text);
  if (!fault) return;  // databankd, a tool for tests, quotes the input unchanged
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
  check_urls(text);
  check_names(text);
  check_faults(text);
  return 0;
}
