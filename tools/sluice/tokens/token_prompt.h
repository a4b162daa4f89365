#pragma once

#include <string>

#include "engine/base/secret.h"
#include "io/result.h"

namespace sluice::cli {

/// Asks for a token on the controlling terminal (/dev/tty) with the echo turned off, and returns
/// the result of parse_token() (token_text.h). Discards other pasted lines, so that the shell does
/// not run them. Restores the echo before it returns, also after a stop signal (process/stop.h),
/// which must be caught: the error is then interrupted.
///
/// `question`: the prompt, without a colon. Other errors, usage: no terminal, no input, those of
/// parse_token(). Main thread.
Result<Secret> prompt_for_token(const std::string& question);

}  // namespace sluice::cli
