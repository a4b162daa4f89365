#pragma once

#include <string>

#include "engine/base/secret.h"
#include "io/result.h"

namespace sluice::cli {

/// Returns the token in a text that a person put into a file or a variable. A byte order mark of
/// UTF-8 and white space around the token (the newline at a file's end, CR LF) are dropped. The
/// text is wiped. Any thread.
///
/// `source` names it for the messages: "the token file /home/me/token".
///
/// Errors, usage; they say what the text is and never quote it: UTF-16, several lines, a shell's
/// assignment, an HTTP header, JSON, quotes around the token, whatever check_token() refuses.
Result<Secret> parse_token(std::string text, const std::string& source);

}  // namespace sluice::cli
