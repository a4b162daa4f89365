#pragma once

#include <string>

namespace sluice::databankd {

/// One line on stderr, in one write. Any thread.
void log_line(const std::string& text);

/// In quotes, with everything escaped that a terminal would act upon: for what a client sent.
std::string quoted(const std::string& text);

}  // namespace sluice::databankd
