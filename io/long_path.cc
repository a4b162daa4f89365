#include "io/long_path.h"

#include <fcntl.h>
#include <limits.h>

#include <cerrno>
#include <cstddef>
#include <optional>

#include "io/unique_fd.h"

namespace sluice {
namespace {

/// A path shorter than PATH_MAX and the directory that it is relative to.
struct ShortPath {
  UniqueFd directory;  ///< empty: the working directory
  const char* rest = nullptr;

  int base() const { return directory ? directory.get() : AT_FDCWD; }
};

/// Opens directories until the rest of the path is short enough. Returns nothing and sets errno if
/// a directory cannot be opened. `path` must outlive the result.
std::optional<ShortPath> shorten(const std::string& path) {
  ShortPath result;
  std::size_t at = 0;
  while (path.size() - at >= PATH_MAX) {
    const std::size_t slash = path.rfind('/', at + PATH_MAX - 2);
    if (slash == path.npos || slash <= at) {
      errno = ENAMETOOLONG;  // a single component is too long
      return {};
    }
    const std::string piece = path.substr(at, slash - at);
    UniqueFd next(::openat(result.base(), piece.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!next) return {};
    result.directory = std::move(next);
    at = path.find_first_not_of('/', slash);
    if (at == path.npos) {
      result.rest = ".";
      return result;
    }
  }
  result.rest = path.c_str() + at;
  return result;
}

}  // namespace

int open_long_path(const std::string& path, int flags) {
  const std::optional<ShortPath> place = shorten(path);
  return place ? ::openat(place->base(), place->rest, flags) : -1;
}

int stat_long_path(const std::string& path, struct stat& facts) {
  const std::optional<ShortPath> place = shorten(path);
  return place ? ::fstatat(place->base(), place->rest, &facts, 0) : -1;
}

}  // namespace sluice
