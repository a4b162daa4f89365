#pragma once

#include <functional>
#include <string>

namespace sluice {

enum class LogLevel { info, warning };

/// A callback that receives messages which are not errors, one sentence per call. May be called
/// from any thread, and from several threads at the same time. Messages never contain a token.
using Log = std::function<void(LogLevel, const std::string&)>;

}  // namespace sluice
