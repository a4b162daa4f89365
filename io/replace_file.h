#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "io/result.h"

/// Writes small files, such as receipts and lists of checksums. Any thread. Errors are local_file
/// and name the path and the reason.
namespace sluice {

/// Atomically replaces or creates the file `path` with the content `text`. At any time, and after a
/// crash, the file has either the old or the new content. The directory must exist. The new file
/// has `mode`, reduced by the umask.
Result<void> write_whole_file(const std::string& path, std::string_view text, mode_t mode);

/// Appends `text` to the file, or creates it (mode 0666, reduced by the umask). Uses one write(2)
/// with O_APPEND, so that the texts of several processes do not interleave.
Result<void> append_to_file(const std::string& path, std::string_view text);

}  // namespace sluice
