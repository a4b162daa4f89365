#include "bench/link_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "engine/base/text.h"

namespace sluice::bench {
namespace {

struct Unit {
  std::string_view name;  ///< lower case
  double factor;
};

/// Parses a number, 0 or more, and one of the units, ignoring case.
template <std::size_t size>
std::optional<double> number_with_unit(std::string_view text, const Unit (&units)[size]) {
  double number = 0;
  const char* const end = text.data() + text.size();
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) == 0) return {};
  const auto [rest, code] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (code != std::errc()) return {};
  std::string name(rest, end);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const Unit& unit : units)
    if (unit.name == name) return number * unit.factor;
  return {};
}

Error wrong(std::string_view text, const char* should) {
  return Error{.kind = ErrorKind::usage,
               .message = fmt::format("'{}' is not {}", printable(text.substr(0, 100)), should)};
}

}  // namespace

Result<std::uint64_t> parse_bit_rate(std::string_view text) {
  constexpr Unit units[] = {{"", 1},    {"k", 1e3},    {"m", 1e6},    {"g", 1e9},
                            {"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}};
  const auto rate = number_with_unit(text, units);
  if (!rate || *rate < 1e3 || *rate > 100e9)
    return wrong(text, "a rate in bits a second from 1K to 100G, like 1G or 100M");
  return static_cast<std::uint64_t>(std::llround(*rate));
}

Result<std::chrono::nanoseconds> parse_delay(std::string_view text) {
  constexpr Unit units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
  const auto delay = text == "0" ? 0.0 : number_with_unit(text, units);
  if (!delay || *delay > 10e9) return wrong(text, "a delay of at most 10s, like 25ms or 500us");
  return std::chrono::nanoseconds(std::llround(*delay));
}

Result<double> parse_loss(std::string_view text) {
  constexpr Unit units[] = {{"", 1}, {"%", 0.01}};
  const auto loss = number_with_unit(text, units);
  if (!loss || *loss > 1) return wrong(text, "a share of the packets, like 0.1% or 0.001");
  return *loss;
}

std::uint64_t usual_queue(std::uint64_t bits_per_second, std::chrono::nanoseconds delay) {
  constexpr std::uint64_t least = 256 * 1024;
  const double round_trip = std::chrono::duration<double>(2 * delay).count();
  return std::max(
      least, static_cast<std::uint64_t>(static_cast<double>(bits_per_second) / 8 * round_trip));
}

}  // namespace sluice::bench
