#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"

namespace sluice::cli {

/// The paths of a list, in its order: one in each line, or, `null_separated`, one before each NUL,
/// as `find -print0` writes them. Empty ones do not count. In lines, "\r\n" ends a line as "\n"
/// does, and a byte order mark at the begin is no part of a path. `name` of the list, for the
/// error: usage, a NUL in a list of lines.
Result<std::vector<std::string>> parse_file_list(std::string_view text, bool null_separated,
                                                 const std::string& name);

/// Reads the list from a file, or from standard input where `source` is "-". Error usage, too: the
/// list cannot be read.
Result<std::vector<std::string>> read_file_list(const std::string& source, bool null_separated);

/// All of a file whose path a user gave for `option`, or of standard input ("-"). Error usage: the
/// file cannot be read.
Result<std::string> read_whole(const std::string& source, const char* option);

}  // namespace sluice::cli
