#pragma once

#include <string>

namespace sluice::databankd {

/// Writes one line to stderr, in one write. Any thread.
void log_line(const std::string& text);

/// Returns text from a client in quotes, with everything escaped that a terminal would interpret.
std::string quoted(const std::string& text);

}  // namespace sluice::databankd
