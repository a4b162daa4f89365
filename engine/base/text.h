#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Text from outside, made fit to show. Pure functions, any thread.
namespace sluice {

bool is_utf8(std::string_view text);

bool contains(std::string_view text, std::string_view what);

/// Its ASCII letters in lower case, all else as it is.
std::string lower_case(std::string_view text);

/// What a server said, as part of one sentence on a terminal or in a log: at most `limit` bytes,
/// white space folded, every control character (escape sequences with it) and every byte that is
/// not UTF-8 replaced by '?'. An HTML page is reduced to its title. "no text" where nothing is
/// left.
std::string quote_server_text(std::string_view body, std::size_t limit = 200);

/// A message of at most `limit` bytes: what is too long is left out of its middle, as a path is at
/// the beginning of a message and the reason at the end. `limit`: 200 at least.
std::string shortened(std::string text, std::size_t limit);

/// A local path or name for a message: control characters and invalid UTF-8 replaced by '?'.
std::string printable(std::string_view text);

/// A name as an argument of a command that somebody copies into a shell: quoted where the shell
/// would change it, behind "-- " where it begins with a dash. For names that printable() leaves as
/// they are.
std::string shell_argument(std::string_view name);

}  // namespace sluice
