#include "tools/sluice/run/state_directory.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "engine/base/text.h"
#include "engine/journal/state_dir.h"

namespace sluice::cli {

Result<std::string> state_dir(const UploadOptions& options) {
  if (!options.state_dir.empty()) return options.state_dir;
  std::string usual = default_state_dir();
  if (usual.empty() && options.no_journal) return usual;
  if (usual.empty())
    return Error{ErrorKind::usage,
                 "no state directory for the journal: neither XDG_STATE_HOME nor HOME is set; name "
                 "one with --state-dir, or upload with --no-journal (an interrupted upload then "
                 "cannot be resumed)"};
  return usual;
}

std::string state_dir_argument(const std::string& state_dir) {
  return state_dir.empty() ? "" : " --state-dir " + shell_argument(printable(state_dir));
}

Result<std::string> existing_state_dir(const UploadOptions& options) {
  TRY_ASSIGN(std::string directory, state_dir(options));
  struct stat status {};
  if (!options.state_dir.empty() && ::stat(directory.c_str(), &status) != 0) {
    Error error =
        errno_error(ErrorKind::usage, errno,
                    fmt::format("cannot open the state directory {}", printable(directory)));
    error.message += "; check --state-dir";
    return error;
  }
  return directory;
}

}  // namespace sluice::cli
