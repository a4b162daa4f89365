#include "engine/journal/state_dir.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "engine/base/text.h"

namespace sluice {
namespace {

/// Returns an absolute path from the environment; empty if the variable is not set or relative (the
/// XDG specification says to ignore relative paths).
std::string absolute_from(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && value[0] == '/' ? value : "";
}

}  // namespace

std::string default_state_dir() {
  if (const std::string state = absolute_from("XDG_STATE_HOME"); !state.empty())
    return state + "/sluice";
  if (const std::string home = absolute_from("HOME"); !home.empty())
    return home + "/.local/state/sluice";
  return {};
}

Error cannot_make_state_dir(const std::string& path, int code) {
  if (path.empty())
    return {.kind = ErrorKind::failed,
            .message =
                "cannot find the state directory: neither XDG_STATE_HOME nor HOME is an "
                "absolute path; choose a state directory with --state-dir",
            .code = code};
  Error error = errno_error(ErrorKind::failed, code,
                            fmt::format("cannot create the state directory {}", printable(path)));
  error.message += "; choose another state directory with --state-dir";
  return error;
}

Result<void> make_state_dir(const std::string& directory) {
  if (directory.empty()) return cannot_make_state_dir(directory, ENOENT);
  std::filesystem::path path;
  for (const std::filesystem::path& part : std::filesystem::path(directory)) {
    path /= part;
    // An obstacle shows at the next level, or when a file is created in the directory: mkdir of an
    // existing parent may fail for other reasons (read-only, another owner).
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      const int code = errno;
      struct stat facts {};
      if (::stat(path.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode))
        return cannot_make_state_dir(path, code);
    }
  }
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return cannot_make_state_dir(path, errno);
  if (!S_ISDIR(facts.st_mode)) return cannot_make_state_dir(path, ENOTDIR);
  return {};
}

}  // namespace sluice
