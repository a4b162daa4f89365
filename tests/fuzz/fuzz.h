#pragma once

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/text.h"
#include "io/result.h"

/// What the fuzz targets share. Each target is one file with one claim about code that reads what
/// others have written: LLVMFuzzerTestOneInput() takes any bytes, and aborts where the claim does
/// not hold. Most inputs are lines of text, so that those in corpus/ can be written by hand.
namespace sluice::fuzz {

[[noreturn]] inline void broken(const char* claim, const char* file, int line,
                                std::string_view detail) {
  std::fprintf(stderr, "%s:%d: does not hold: %s\n%.*s\n", file, line, claim,
               static_cast<int>(detail.size()), detail.data());
  std::abort();
}

/// Ends the process, so that the fuzzer keeps the input, where `claim` does not hold. What follows
/// the claim is a text to print then.
#define FUZZ_CHECK(claim, ...)                                                           \
  do {                                                                                   \
    if (!(claim))                                                                        \
      ::sluice::fuzz::broken(#claim, __FILE__, __LINE__, std::string_view{__VA_ARGS__}); \
  } while (false)

/// Any text that is shown to a person: something, UTF-8, and nothing that a terminal acts on.
inline void check_shown(std::string_view text) {
  FUZZ_CHECK(!text.empty());
  FUZZ_CHECK(is_utf8(text), text);
  FUZZ_CHECK(printable(text) == text, text);
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Cuts off what comes before the next `separator`; all of it where there is none.
inline std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return taken;
}

/// Cuts off one byte; 0 where there is none.
inline unsigned char take_byte(std::string_view& text) {
  if (text.empty()) return 0;
  const auto byte = static_cast<unsigned char>(text.front());
  text.remove_prefix(1);
  return byte;
}

/// Cuts off the decimal number in front, and one byte behind it; 0 where there is none.
template <class Number = std::uint64_t>
Number take_number(std::string_view& text) {
  Number number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number).ptr;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  take_byte(text);
  return number;
}

}  // namespace sluice::fuzz
