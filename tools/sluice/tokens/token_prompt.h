#pragma once

#include <string>

#include "engine/base/secret.h"
#include "io/result.h"

namespace sluice::cli {

/// Asks for a token on the process' terminal (/dev/tty) without showing what is typed or pasted,
/// and returns it as parse_token() (token_text.h) does. Whatever else was pasted is dropped, so
/// that no shell runs it. The terminal shows what is typed again when this returns, also after a
/// stop signal (process/stop.h), which must be caught: then the error is interrupted.
///
/// `question`: what to show, without a colon. Errors besides, usage: no terminal, nothing was
/// entered, parse_token()'s. Main thread.
Result<Secret> prompt_for_token(const std::string& question);

}  // namespace sluice::cli
