#include "engine/base/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/base/text.h"

namespace sluice {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::uint64_t kibi = 1024, kilo = 1000;
constexpr std::array<Unit, 14> units{{{"", 1},
                                      {"b", 1},
                                      {"k", kibi},
                                      {"m", kibi* kibi},
                                      {"g", kibi* kibi* kibi},
                                      {"t", kibi* kibi* kibi* kibi},
                                      {"kib", kibi},
                                      {"mib", kibi* kibi},
                                      {"gib", kibi* kibi* kibi},
                                      {"tib", kibi* kibi* kibi* kibi},
                                      {"kb", kilo},
                                      {"mb", kilo* kilo},
                                      {"gb", kilo* kilo* kilo},
                                      {"tb", kilo* kilo* kilo* kilo}}};

Error bad_size(std::string_view text, const char* why) {
  return {ErrorKind::usage, fmt::format("'{}' is not a size: {}; examples: 64M, 1.5GiB, 4096",
                                        printable(text.substr(0, 100)), why)};
}

/// Parses `text` as parse_size() does. Error messages quote `whole`.
Result<std::uint64_t> parse(std::string_view whole, std::string_view text) {
  double number = 0;
  const auto [end, code] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (code != std::errc() || text.empty() || !std::isdigit(static_cast<unsigned char>(text[0])))
    return bad_size(whole, "a size starts with a number");

  std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  const std::string name = lower_case(rest);
  const auto unit =
      std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == name; });
  if (unit == units.end()) return bad_size(whole, "the unit is unknown");

  // A whole number stays exact beyond 2^53; a double would round it.
  std::uint64_t integer = 0;
  const auto [integer_end, integer_code] = std::from_chars(text.data(), end, integer);
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  if (integer_code == std::errc() && integer_end == end) {
    if (integer > most / unit->factor) return bad_size(whole, "the size is too large");
    return integer * unit->factor;
  }
  const double bytes = number * static_cast<double>(unit->factor);
  if (!(bytes < static_cast<double>(most))) return bad_size(whole, "the size is too large");
  if (unit->factor == 1) return bad_size(whole, "a number of bytes has no fraction");
  return static_cast<std::uint64_t>(std::floor(bytes));
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  return parse(text, text);
}

Result<std::uint64_t> parse_rate(std::string_view text) {
  std::string_view number = text;
  for (std::string_view suffix : {"/s", "ps"})
    if (number.ends_with(suffix)) {
      number.remove_suffix(suffix.size());
      break;
    }
  return parse(text, number);
}

Result<std::chrono::seconds> parse_duration(std::string_view text) {
  constexpr std::int64_t most = std::int64_t{10} * 365 * 86400;
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number);
  std::int64_t factor = 0;
  if (error == std::errc() && number >= 0) {
    const std::string_view name(unit, static_cast<std::size_t>(end - unit));
    for (const auto& [letter, seconds] : {std::pair<std::string_view, std::int64_t>{"", 1},
                                          {"s", 1},
                                          {"m", 60},
                                          {"h", 3600},
                                          {"d", 86400}})
      if (name == letter) factor = seconds;
  }
  if (factor == 0 || number > most / factor)
    return Error{
        ErrorKind::usage,
        fmt::format("'{}' is not a duration of at most 10 years; examples: 90s, 30m, 12h, 2d",
                    printable(text.substr(0, 100)))};
  return std::chrono::seconds(number * factor);
}

std::string format_size(std::uint64_t bytes) {
  if (bytes < kibi) return fmt::format("{} B", bytes);
  constexpr std::array<const char*, 4> names{"KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes) / kibi;
  std::size_t unit = 0;
  // A value of 1023.995 or more would print as 1024.00 of the smaller unit.
  while (value >= 1023.995 && unit + 1 < names.size()) {
    value /= kibi;
    ++unit;
  }
  return fmt::format("{:.2f} {}", value, names[unit]);
}

std::string format_rate(double bytes_per_second) {
  constexpr std::array<const char*, 4> names{"B/s", "kB/s", "MB/s", "GB/s"};
  double value = std::max(0.0, bytes_per_second);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < names.size()) {
    value /= kilo;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value,
                     unit == 0 || value >= 99.95 ? 0
                     : value >= 9.995            ? 1
                                                 : 2,
                     names[unit]);
}

std::string format_duration(double seconds) {
  if (!(seconds >= 0)) return "unknown";
  if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
  if (seconds >= 1e15) return "forever";
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  const std::uint64_t minutes = whole / 60, hours = minutes / 60, days = hours / 24;
  if (minutes == 0) return fmt::format("{} s", whole);
  if (hours == 0) return fmt::format("{} min {:02} s", minutes, whole % 60);
  if (days == 0) return fmt::format("{} h {:02} min", hours, minutes % 60);
  return fmt::format("{} d {} h", days, hours % 24);
}

}  // namespace sluice
