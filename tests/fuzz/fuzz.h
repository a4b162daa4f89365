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

/// Helpers of the fuzz targets. Each target is one file with properties of code that reads
/// untrusted data: LLVMFuzzerTestOneInput() takes any bytes, and aborts if a property is violated.
/// Most inputs are lines of text, so that the files in corpus/ can be written by hand.
namespace sluice::fuzz {

[[noreturn]] inline void fail_check(const char* condition, const char* file, int line,
                                    std::string_view detail) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n%.*s\n", file, line, condition,
               static_cast<int>(detail.size()), detail.data());
  std::abort();
}

/// Aborts the process if `condition` is false, so that the fuzzer keeps the input. The optional
/// second argument is a text to print.
#define FUZZ_CHECK(condition, ...)                                                               \
  do {                                                                                           \
    if (!(condition))                                                                            \
      ::sluice::fuzz::fail_check(#condition, __FILE__, __LINE__, std::string_view{__VA_ARGS__}); \
  } while (false)

/// Checks a text for users: not empty, UTF-8, without control characters.
inline void check_shown(std::string_view text) {
  FUZZ_CHECK(!text.empty());
  FUZZ_CHECK(is_utf8(text), text);
  FUZZ_CHECK(printable(text) == text, text);
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Removes the text up to the next `separator` and the separator, and returns the text; without a
/// separator, all of it.
inline std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return taken;
}

/// Removes and returns the first byte; 0 if `text` is empty.
inline unsigned char take_byte(std::string_view& text) {
  if (text.empty()) return 0;
  const auto byte = static_cast<unsigned char>(text.front());
  text.remove_prefix(1);
  return byte;
}

/// Removes and returns the decimal number at the beginning, and removes the byte after it; 0 if
/// `text` does not begin with a number.
template <class Number = std::uint64_t>
Number take_number(std::string_view& text) {
  Number number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number).ptr;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  take_byte(text);
  return number;
}

}  // namespace sluice::fuzz
