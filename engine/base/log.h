#pragma once

#include <functional>
#include <string>

namespace sluice {

enum class LogLevel { info, warning };

/// Takes what is worth knowing but no error, one sentence at a time. Called from any thread,
/// several at once. Never gets a token.
using Log = std::function<void(LogLevel, const std::string&)>;

}  // namespace sluice
