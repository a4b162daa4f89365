#pragma once

#include <string>

#include "engine/base/secret.h"
#include "io/result.h"

namespace sluice::cli {

/// Returns the token in a text that the user put into a file or a variable. Ignores a UTF-8 byte
/// order mark and white space around the token, such as a newline or CR LF at the end. Overwrites
/// the text in memory. Any thread.
///
/// `source`: the origin, for messages: "the token file /home/me/token".
///
/// Errors, usage; they describe the text without quoting it: UTF-16, several lines, a shell
/// assignment, an HTTP header, JSON, quotes around the token, and those of check_token().
Result<Secret> parse_token(std::string text, const std::string& source);

}  // namespace sluice::cli
