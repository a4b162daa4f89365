#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"

namespace sluice::cli {

/// Returns the paths of a list, in order: one per line, or with `null_separated` terminated by NUL,
/// as written by `find -print0`. Ignores empty paths. In lists of lines, "\r\n" ends a line, too,
/// and a byte order mark at the beginning is ignored. `name`: of the list, for errors. Error usage:
/// a NUL in a list of lines.
Result<std::vector<std::string>> parse_file_list(std::string_view text, bool null_separated,
                                                 const std::string& name);

/// Reads the list from a file, or from standard input if `source` is "-". Error usage also if the
/// list cannot be read.
Result<std::vector<std::string>> read_file_list(const std::string& source, bool null_separated);

/// Returns the content of the file that the user gave for `option`, or of standard input ("-").
/// Error usage: the file cannot be read.
Result<std::string> read_whole(const std::string& source, const char* option);

}  // namespace sluice::cli
