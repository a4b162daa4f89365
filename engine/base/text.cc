#include "engine/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace sluice {
namespace {

/// Returns the length of the UTF-8 sequence at the start of `text`, which is not empty; 0 if the
/// sequence is invalid (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto tail = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return tail(1) ? 2 : 0;
  if (first < 0xF0)
    return tail(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF) && tail(2) ? 3 : 0;
  if (first < 0xF5)
    return tail(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF) && tail(2) && tail(3)
               ? 4
               : 0;
  return 0;
}

/// Whether `sequence`, one UTF-8 sequence, is a control character: C0, DEL, or C1, which some
/// terminals obey (U+0080 to U+009F, in UTF-8 C2 80 to C2 9F); or a bidirectional override, which
/// changes the order in which a line reads (U+202A..E, U+2066..9).
bool is_control(std::string_view sequence) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7F;
  if (sequence.size() == 2) return byte(0) == 0xC2 && byte(1) < 0xA0;
  if (sequence.size() == 3 && byte(0) == 0xE2)
    return (byte(1) == 0x80 && byte(2) >= 0xAA && byte(2) <= 0xAE) ||
           (byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9);
  return false;
}

/// Returns at most `limit` bytes of `text`, plus "..." if the text is longer. Replaces each control
/// character and each invalid byte by '?'. `fold_space`: replaces each run of white space by one
/// space, and drops white space at both ends.
std::string clean(std::string_view text, bool fold_space, std::size_t limit) {
  std::string result;
  bool space = false;
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    const std::string_view sequence = text.substr(0, std::max<std::size_t>(1, length));
    text.remove_prefix(sequence.size());
    if (fold_space && std::isspace(static_cast<unsigned char>(sequence[0]))) {
      space = !result.empty();
      continue;
    }
    const bool bad = length == 0 || is_control(sequence);
    if (result.size() + sequence.size() + (space ? 1 : 0) > limit) {
      result += "...";
      break;
    }
    if (space) result += ' ';
    space = false;
    if (bad)
      result += '?';
    else
      result += sequence;
  }
  return result;
}

std::size_t find_ignoring_case(std::string_view text, std::string_view what, std::size_t from = 0) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  if (from > text.size()) return std::string_view::npos;
  const auto found = std::search(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(),
                                 what.begin(), what.end(), same);
  return found == text.end() ? std::string_view::npos
                             : static_cast<std::size_t>(found - text.begin());
}

/// Returns the content of <title>, for the error pages of proxies; empty if `body` has no title.
std::string_view html_title(std::string_view body) {
  const std::size_t open = find_ignoring_case(body, "<title");
  if (open == std::string_view::npos) return {};
  const std::size_t begin = body.find('>', open);
  if (begin == std::string_view::npos) return {};
  const std::size_t end = find_ignoring_case(body, "</title", begin);
  if (end == std::string_view::npos) return {};
  return body.substr(begin + 1, end - begin - 1);
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool contains(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

std::string quote_server_text(std::string_view body, std::size_t limit) {
  const std::size_t markup = body.find_first_not_of(" \t\r\n");
  if (markup != std::string_view::npos && body[markup] == '<') {
    const std::string title = clean(html_title(body), true, limit);
    return title.empty() ? "HTML page" : "HTML page '" + title + "'";
  }
  const std::string text = clean(body, true, limit);
  return text.empty() ? "no text" : "'" + text + "'";
}

std::string shortened(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  constexpr std::size_t gap = 60;  // for "... (N bytes left out) ..."
  const auto begins_character = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
  };
  std::size_t head = (limit - gap) / 2;
  while (head > 0 && !begins_character(head)) --head;
  std::size_t tail = text.size() - (limit - gap) / 2;
  while (tail < text.size() && !begins_character(tail)) ++tail;
  return fmt::format("{} ... ({} bytes left out) ... {}", std::string_view(text).substr(0, head),
                     tail - head, std::string_view(text).substr(tail));
}

std::string printable(std::string_view text) {
  return clean(text, false, std::string::npos - 8);
}

std::string shell_argument(std::string_view name) {
  constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+,:@%/";
  std::string argument = name.starts_with('-') ? "-- " : "";
  if (!name.empty() && name.find_first_not_of(plain) == std::string_view::npos)
    return argument.append(name);
  argument += '\'';
  for (const char c : name)
    if (c == '\'')
      argument += "'\\''";
    else
      argument += c;
  return argument + '\'';
}

}  // namespace sluice
