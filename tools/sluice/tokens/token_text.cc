#include "tools/sluice/tokens/token_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/base/text.h"
#include "engine/protocol/deposit.h"

namespace sluice::cli {
namespace {

constexpr std::string_view white_space = " \t\r\n\v\f";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(white_space);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(white_space) - begin + 1);
}

bool is_utf16(std::string_view text) {
  return text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF") ||
         text.find('\0') != text.npos;
}

/// Counts the lines that are not blank.
std::size_t count_lines(std::string_view text) {
  std::size_t lines = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    if (!trimmed(text.substr(0, end)).empty()) ++lines;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// Returns whether the text is like SLUICE_TOKEN=..., export TOKEN=..., set TOKEN=..., $env:TOKEN =
/// ... `lower`: in lower case. Tokens may contain equals signs, so the name must end with "token".
bool is_assignment(std::string_view lower) {
  const std::size_t equals = lower.find('=');
  if (equals == lower.npos) return false;
  const std::string_view name = trimmed(lower.substr(0, equals));
  for (const std::string_view word : {"export ", "set ", "setenv ", "$env:", "env "})
    if (name.starts_with(word)) return true;
  const bool plain = std::all_of(name.begin(), name.end(),
                                 [](unsigned char c) { return std::isalnum(c) || c == '_'; });
  return plain && name.size() > std::string_view("token").size() && name.ends_with("token");
}

bool is_header(std::string_view lower) {
  for (const std::string_view word :
       {"authorization", "token token", "token=", "token ", "bearer "})
    if (lower.starts_with(word)) return true;
  return false;
}

bool is_quoted(std::string_view text) {
  for (const std::string_view quote :
       {"\"", "'", "`", "\u201c", "\u201d", "\u2018", "\u2019", "\u00ab", "\u00bb"})
    if (text.starts_with(quote) || text.ends_with(quote)) return true;
  return false;
}

/// Returns why the text is not a bare token, and what to do: the end of a sentence that begins with
/// the source. Nothing if the text may be a token.
std::optional<std::string> problem_of(std::string_view text) {
  const Secret lower_text(lower_case(text));
  const std::string& lower = lower_text.reveal();
  if (text.starts_with('{') || text.starts_with('['))
    return "the text is JSON; put only the token there, without quotes";
  if (text.starts_with("-----BEGIN")) return "the text is a key or certificate, not a token";
  if (const std::size_t lines = count_lines(text); lines > 1)
    return fmt::format("the text has {} lines, but a token is one line; put only the token there",
                       lines);
  if (is_assignment(lower))
    return "the text is a shell assignment (NAME=token); put only the part after the equals sign "
           "there, without quotes";
  if (is_header(lower))
    return "the text has words of an HTTP header around the token (Authorization, Token token=); "
           "put only the token there";
  if (is_quoted(text)) return "the text has quotes around the token; remove the quotes";
  if (text.starts_with('<') || text.ends_with('>'))
    return "the text has angle brackets around the token; remove the brackets";
  if (text.find_first_of(white_space) != text.npos)
    return "the text has white space inside, but a token has none; copy the token again from the "
           "dataset's edit page";
  if (!std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; }))
    return "the text has characters that are not ASCII (such as a no-break space), but a token has "
           "none; copy the token again from the dataset's edit page";
  return {};
}

Result<Secret> parse(std::string_view text, const std::string& source) {
  const auto error_for = [&](const std::string& what) {
    return Error{ErrorKind::usage, fmt::format("cannot use the token from {}: {}", source, what)};
  };
  if (is_utf16(text))
    return error_for(
        "the text is UTF-16 (NUL bytes or a byte order mark), as some Windows programs write; save "
        "the text as UTF-8 or ASCII");
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  text = trimmed(text);
  if (const auto problem = problem_of(text)) return error_for(*problem);
  if (const Result<void> checked = check_token(text); !checked)
    return error_for(checked.error().message);
  return Secret(std::string(text));
}

}  // namespace

Result<Secret> parse_token(std::string text, const std::string& source) {
  Result<Secret> token = parse(text, source);
  Secret::wipe(text);
  return token;
}

}  // namespace sluice::cli
