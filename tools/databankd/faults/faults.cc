#include "tools/databankd/faults/faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <random>

#include "tools/databankd/base/byte_size.h"
#include "tools/databankd/base/duration.h"

namespace sluice::databankd {
namespace {

struct NamedKind {
  std::string_view name;
  FaultKind kind;
};
constexpr std::array kinds = {
    NamedKind{"lose-request", FaultKind::lose_request},
    NamedKind{"lose-response", FaultKind::lose_response},
    NamedKind{"reset-mid-body", FaultKind::reset_mid_body},
    NamedKind{"reset-mid-response", FaultKind::reset_mid_response},
    NamedKind{"status", FaultKind::status},
    NamedKind{"answer", FaultKind::answer},
    NamedKind{"front", FaultKind::front},
    NamedKind{"stall", FaultKind::stall},
    NamedKind{"slow", FaultKind::slow},
    NamedKind{"partial-append", FaultKind::partial_append},
    NamedKind{"short-append", FaultKind::short_append},
    NamedKind{"forget-staging", FaultKind::forget_staging},
    NamedKind{"expire-token", FaultKind::expire_token},
    NamedKind{"garbage-body", FaultKind::garbage_body},
    NamedKind{"huge-body", FaultKind::huge_body},
    NamedKind{"tail-timeout", FaultKind::tail_timeout},
    NamedKind{"gzip", FaultKind::gzip},
    NamedKind{"two-locations", FaultKind::two_locations},
    NamedKind{"expire", FaultKind::expire},
    NamedKind{"locked", FaultKind::locked},
    NamedKind{"checksum", FaultKind::checksum},
    NamedKind{"stuck", FaultKind::stuck},
};

struct NamedStep {
  std::string_view name;
  Step step;
};
constexpr std::array steps = {
    NamedStep{"ask", Step::ask},
    NamedStep{"setup", Step::setup},
    NamedStep{"transfer", Step::transfer},
    NamedStep{"probe", Step::probe},
    NamedStep{"verify", Step::verify},
    NamedStep{"options", Step::options},
    NamedStep{"create", Step::create},
    NamedStep{"create-with-upload", Step::create_with_upload},
    NamedStep{"head", Step::head},
    NamedStep{"patch", Step::patch},
    NamedStep{"delete", Step::remove},
    NamedStep{"join", Step::join},
    NamedStep{"register", Step::register_upload},
    NamedStep{"binary", Step::binary},
};

/// Returns the steps that a kind can strike; empty: any.
std::vector<Step> steps_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::partial_append:
      return {Step::transfer, Step::patch, Step::create_with_upload};
    case FaultKind::short_append:
    case FaultKind::checksum:
    case FaultKind::stuck:
      return {Step::patch, Step::create_with_upload};
    case FaultKind::two_locations:
      return {Step::create, Step::create_with_upload, Step::join};
    case FaultKind::locked:
      return {Step::patch, Step::remove};
    case FaultKind::expire:
      return {Step::head, Step::patch, Step::remove, Step::join, Step::register_upload};
    default:
      return {};
  }
}

bool can_strike(FaultKind kind, std::optional<Step> step) {
  const std::vector<Step> possible = steps_of(kind);
  return possible.empty() ||
         (step && std::find(possible.begin(), possible.end(), *step) != possible.end());
}

/// Returns "a, b and c".
template <class Names>
std::string enumerate(const Names& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 < names.size() ? ", " : " and ";
    text += names[i].name;
  }
  return text;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Removes and returns the text before the next `separator`; all of it if there is none.
std::string_view remove_until(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

std::optional<unsigned> parse_status(std::string_view text) {
  const auto status = parse_number<unsigned>(text);
  return status && *status >= 200 && *status <= 599 ? status : std::nullopt;
}

/// Parses KIND[:ARG]. Returns an error message, or an empty text.
std::string parse_kind(std::string_view text, Fault& fault) {
  fault.name = text;
  const bool has_argument = text.find(':') != std::string_view::npos;
  const std::string_view name = remove_until(text, ':');
  const auto* found = std::find_if(kinds.begin(), kinds.end(),
                                   [&](const NamedKind& kind) { return kind.name == name; });
  if (found == kinds.end())
    return fmt::format("unknown fault '{}'; the faults are {}", name, enumerate(kinds));
  fault.kind = found->kind;
  if (fault.kind == FaultKind::front) {
    const auto status = parse_status(remove_until(text, ':'));
    const auto time = parse_duration(text.empty() && !fault.name.ends_with(':') ? "5s" : text);
    if (!status || !time)
      return "front takes an HTTP status from 200 to 599 and optionally a time of at most 1 day, "
             "such as front:502 or front:404:10s";
    fault.status = *status;
    fault.time = *time;
  } else if (fault.kind == FaultKind::status && std::count(text.begin(), text.end(), ':') > 0) {
    const auto status = parse_status(remove_until(text, ':'));
    if (!status || text.empty())
      return "status takes an HTTP status from 200 to 599 and a text without commas, such as "
             "status:507:quota exceeded";
    fault.status = *status;
    fault.text = text;
  } else if (fault.kind == FaultKind::status || fault.kind == FaultKind::answer) {
    const auto status = parse_status(text);
    if (!status)
      return fmt::format("{0} takes an HTTP status from 200 to 599, such as {0}:503", name);
    fault.status = *status;
  } else if (fault.kind == FaultKind::slow) {
    const auto rate = parse_byte_size(text);
    if (!rate || *rate == 0)
      return "slow takes a rate in bytes per second, such as slow:500, slow:64K or slow:5M";
    fault.rate = *rate;
  } else if (fault.kind == FaultKind::tail_timeout) {
    const auto pause = parse_duration(has_argument ? text : "100ms");
    if (!pause) return "tail-timeout takes a time of at most 1 day, such as tail-timeout:500ms";
    fault.time = *pause;
  } else if (has_argument) {
    return fmt::format("{} takes no argument", name);
  }
  return {};
}

/// Parses KEY=VALUE. Returns an error message, or an empty text.
std::string parse_setting(std::string_view key, std::string_view value, Fault& fault) {
  if (key == "at" || key == "every") {
    const auto number = parse_number<std::uint64_t>(value);
    if (!number || *number == 0)
      return fmt::format("{} takes a number of requests, 1 or more, not '{}'", key, value);
    (key == "at" ? fault.at : fault.every) = *number;
  } else if (key == "probability") {
    const auto number = parse_number<double>(value);
    if (!number || !(*number >= 0 && *number <= 1))  // also rejects NaN
      return fmt::format("probability takes a number from 0 to 1, not '{}'", value);
    fault.probability = *number;
  } else if (key == "seed") {
    fault.seed = parse_number<std::uint64_t>(value);
    if (!fault.seed) return fmt::format("seed takes a number, 0 or more, not '{}'", value);
  } else if (key == "on") {
    const auto* found = std::find_if(steps.begin(), steps.end(),
                                     [&](const NamedStep& step) { return step.name == value; });
    if (found == steps.end() && value != "any")
      return fmt::format("unknown step '{}'; the steps are {} (or any, for every step)", value,
                         enumerate(steps));
    if (found != steps.end()) fault.on = found->step;
  } else {
    return fmt::format("unknown setting '{}'; the settings are at, every, probability, seed and on",
                       key);
  }
  return {};
}

std::string parse(std::string_view spec, Fault& fault) {
  if (spec.ends_with(',')) return "nothing follows the last comma";
  if (std::string problem = parse_kind(remove_until(spec, ','), fault); !problem.empty())
    return problem;
  std::vector<std::string_view> keys;
  while (!spec.empty()) {
    std::string_view value = remove_until(spec, ',');
    const std::string_view key = remove_until(value, '=');
    if (std::find(keys.begin(), keys.end(), key) != keys.end())
      return fmt::format("{} is given twice", key);
    keys.push_back(key);
    if (std::string problem = parse_setting(key, value, fault); !problem.empty()) return problem;
  }
  const auto given = [&](std::string_view key) {
    return std::count(keys.begin(), keys.end(), key);
  };
  if (given("at") + given("every") + given("probability") > 1)
    return "at, every and probability cannot be combined";
  // Without these, `front` would last forever, which status:CODE,on=any can do.
  if (fault.kind == FaultKind::front && given("at") + given("every") + given("probability") == 0)
    fault.at = 1;
  if (fault.on && !can_strike(fault.kind, fault.on)) {
    std::string possible;
    for (const Step step : steps_of(fault.kind))
      possible += fmt::format("{}on={}", possible.empty() ? "" : ", ", to_string(step));
    return fmt::format("{} strikes only with {}", fault.name, possible);
  }
  return {};
}

/// SplitMix64, a hash: the Nth random number of a seed can be computed without those before it.
std::uint64_t hashed(std::uint64_t state) {
  state += 0x9e3779b97f4a7c15;
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
  state = (state ^ (state >> 27)) * 0x94d049bb133111eb;
  return state ^ (state >> 31);
}

/// Returns a number in [0, 1).
double fraction(std::uint64_t random) {
  return static_cast<double>(random >> 11) * 0x1p-53;
}

}  // namespace

bool Fault::is_random() const {
  const bool itself = kind == FaultKind::reset_mid_body || kind == FaultKind::reset_mid_response ||
                      kind == FaultKind::partial_append || kind == FaultKind::short_append ||
                      kind == FaultKind::garbage_body;
  return itself || (at == 0 && every == 0 && probability > 0 && probability < 1);
}

Result<Fault> parse_fault(std::string_view spec) {
  Fault fault;
  if (const std::string problem = parse(spec, fault); !problem.empty()) {
    return Error{.kind = ErrorKind::usage,
                 .message = fmt::format("--fault '{}': {}", spec, problem)};
  }
  return fault;
}

FaultPlan::FaultPlan(std::vector<Fault> faults) {
  const MutexLock lock(mutex_);
  for (Fault& fault : faults) entries_.push_back({.fault = std::move(fault)});
}

std::optional<Strike> FaultPlan::decide(std::optional<Step> step, Clock::time_point now) {
  return next(step, /*is_other=*/false, now);
}

std::optional<Strike> FaultPlan::decide_other(Clock::time_point now) {
  return next(std::nullopt, /*is_other=*/true, now);
}

std::optional<Strike> FaultPlan::next(std::optional<Step> step, bool is_other,
                                      Clock::time_point now) {
  const MutexLock lock(mutex_);
  std::optional<Strike> strike;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    const Fault& fault = entry.fault;
    const bool front = fault.kind == FaultKind::front;
    if ((fault.on && fault.on != step) || !can_strike(fault.kind, step) || (is_other && !front))
      continue;
    if (entry.until && now < *entry.until) {
      if (!strike) strike = Strike{fault, i, 0};
      continue;
    }
    const std::uint64_t number = ++entry.matching;
    const std::uint64_t random = hashed(fault.seed.value_or(0) ^ hashed(number));
    const bool due = fault.at > 0      ? number == fault.at
                     : fault.every > 0 ? number % fault.every == 0
                                       : fraction(random) < fault.probability;
    // Hashed again, so that the place of the fault does not depend on its probability.
    if (due && !strike) {
      strike = Strike{fault, i, hashed(random)};
      if (front) entry.until = now + fault.time;
    }
  }
  return strike;
}

void FaultPlan::count(const Strike& strike) {
  const MutexLock lock(mutex_);
  ++entries_[strike.index].struck;
}

std::string FaultPlan::summary() const {
  const MutexLock lock(mutex_);
  std::vector<std::pair<std::string_view, std::uint64_t>> counts;
  for (const Entry& entry : entries_) {
    const auto same = std::find_if(counts.begin(), counts.end(), [&](const auto& count) {
      return count.first == entry.fault.name;
    });
    if (same != counts.end())
      same->second += entry.struck;
    else
      counts.emplace_back(entry.fault.name, entry.struck);
  }
  std::string text;
  for (const auto& [name, struck] : counts)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, struck);
  return text;
}

std::uint64_t place_inside(std::uint64_t size, std::uint64_t random) {
  return size < 2 ? 0 : 1 + random % (size - 1);
}

std::string garbage(std::uint64_t random) {
  constexpr std::size_t size = 4096;
  // Escape sequences that set the window title, clear the screen, and make the terminal send a
  // report.
  std::string bytes = "\x1b]0;garbage\x07\x1b[2J\x1b[6n\r\n{\"progress\":";
  std::mt19937_64 generator(random);
  while (bytes.size() < size) bytes += static_cast<char>(generator() & 0xff);
  return bytes;
}

std::string_view to_string(Step step) {
  return std::find_if(steps.begin(), steps.end(),
                      [&](const NamedStep& named) { return named.step == step; })
      ->name;
}

}  // namespace sluice::databankd
