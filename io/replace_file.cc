#include "io/replace_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <random>

#include "io/unique_fd.h"

namespace sluice {
namespace {

const char* advice_on_replacing(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "free space on the file system, or choose another directory";
    case ENOENT:
    case ENOTDIR:
      return "create the directory first";
    case EISDIR:
      return "give the path of a file";
    default:
      return "choose a file in a writable directory";
  }
}

Error write_error(const std::string& path, int code) {
  Error error = errno_error(ErrorKind::local_file, code, "cannot write " + path);
  error.message += std::string("; ") + advice_on_replacing(code);
  return error;
}

/// Writes and syncs `text`. Returns 0 or an errno. Network file systems report a full disk or an
/// exceeded quota only at fsync or close.
int write_out(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  // Pipes and some devices do not support fsync.
  return ::fsync(fd) == 0 || errno == EINVAL || errno == EROFS ? 0 : errno;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// Creates a file with a random name in `directory` and sets `path`. The directory is that of the
/// final file, because rename(2) cannot cross file systems. The name does not contain the final
/// name, which may have the maximum length of 255 bytes.
UniqueFd open_temporary(const std::string& directory, mode_t mode, std::string& path) {
  std::random_device random;
  while (true) {
    path = fmt::format("{}/.sluice-{:08x}{:08x}", directory, random(), random());
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (fd || errno != EEXIST) return fd;
  }
}

}  // namespace

Result<void> write_whole_file(const std::string& path, std::string_view text, mode_t mode) {
  const std::string directory = directory_of(path);
  std::string temporary;
  UniqueFd fd = open_temporary(directory, mode, temporary);
  if (!fd) return write_error(path, errno);
  int code = write_out(fd.get(), text);
  fd.reset();
  if (code == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) code = errno;
  if (code != 0) {
    ::unlink(temporary.c_str());
    return write_error(path, code);
  }
  // Sync the directory, so that the rename survives a crash. Ignore errors: some file systems do
  // not support it, and the file is complete.
  const UniqueFd parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent) ::fsync(parent.get());
  return {};
}

Result<void> append_to_file(const std::string& path, std::string_view text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY,
                           S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH));
  if (!fd) return write_error(path, errno);
  if (const int code = write_out(fd.get(), text); code != 0) return write_error(path, code);
  return {};
}

}  // namespace sluice
