#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Functions that make untrusted text safe to print. Pure functions, any thread.
namespace sluice {

/// Whether `text` is valid UTF-8 (RFC 3629).
bool is_utf8(std::string_view text);

/// Whether `what` is a substring of `text`; case matters.
bool contains(std::string_view text, std::string_view what);

/// Returns `text` with its ASCII letters in lower case. All other bytes are unchanged.
std::string lower_case(std::string_view text);

/// Returns an untrusted response body in quotes, for one sentence on a terminal or in a log. Keeps
/// at most `limit` bytes and marks a cut with "...". Folds white space. Replaces every control
/// character (escape sequences included) and every byte that is not UTF-8 by '?'. Reduces an HTML
/// page to its title. Returns "no text" for a body without text.
std::string quote_server_text(std::string_view body, std::size_t limit = 200);

/// Returns `text` in at most `limit` bytes. Removes the middle of a longer text, because a message
/// begins with the path and ends with the reason. `limit`: at least 200.
std::string shortened(std::string text, std::size_t limit);

/// Returns a local path or name for a message: control characters and invalid UTF-8 are replaced by
/// '?'.
std::string printable(std::string_view text);

/// Returns `name` as a shell argument, for a command that a user copies into a shell: in single
/// quotes if the shell would change the name, and after "-- " if the name begins with a dash.
/// Precondition: printable(name) == name.
std::string shell_argument(std::string_view name);

}  // namespace sluice
