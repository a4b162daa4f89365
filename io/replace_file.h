#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "io/result.h"

/// Writing small files: receipts and lists of checksums. Any thread. Errors, local_file, name the
/// path and say why.
namespace sluice {

/// Makes `path` a file that holds `text`, in place of the one that may be there: whoever looks, at
/// any time and after a crash too, finds all of the old one or all of the new one. Its directory
/// must be there. `mode`: of the new file, less the umask.
Result<void> write_whole_file(const std::string& path, std::string_view text, mode_t mode);

/// Adds `text` to the end of the file, which is made if it is not there (mode 0666, less the
/// umask). In one write, so that what several processes add does not mix.
Result<void> append_to_file(const std::string& path, std::string_view text);

}  // namespace sluice
