#include "io/local_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <system_error>
#include <utility>

#include "io/file_system.h"
#include "io/long_path.h"

namespace sluice {
namespace {

Error local_error(int code, std::string message) {
  return Error{.kind = ErrorKind::local_file, .message = std::move(message), .code = code};
}

const char* advice(int code) {
  switch (code) {
    case ENOENT:
    case ENOTDIR:
      return "check the path";
    case EACCES:
    case EPERM:
      return "give this user permission to read the file";
    case EMFILE:
    case ENFILE:
      return "raise the limit on open files (ulimit -n)";
    case ENXIO:
      return "give a regular file";  // a socket, or a device without its driver
    case EAGAIN:
      // A lease of another program (fcntl(2), F_SETLEASE), or a file on an archive that is offline.
      return "try again later: another program has locked the file, or the file is not on disk yet";
    case EIO:
      return "check the disk and the system log";
    case ESTALE:
      return "check that the file system is still mounted";
    default:
      return "check that other programs can read the file";
  }
}

Error failed(const std::string& what, int code) {
  Error error = local_error(
      code, fmt::format("{}: {}; {}", what, std::system_category().message(code), advice(code)));
  error.retryable = code == EAGAIN;
  return error;
}

FileIdentity identity_from(const struct stat& facts) {
  return FileIdentity{.size = static_cast<std::uint64_t>(facts.st_size),
                      .modified = modified_at(facts),
                      .device = facts.st_dev,
                      .inode = facts.st_ino};
}

}  // namespace

const char* kind_of_file(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "a directory";
    case S_IFIFO:
      return "a FIFO";
    case S_IFCHR:
    case S_IFBLK:
      return "a device";
    case S_IFSOCK:
      return "a socket";
    default:
      return "a special file";
  }
}

Result<LocalFile> open_local_file(const std::string& path) {
  if (path.empty())
    return local_error(ENOENT, "cannot open the file: the file name is empty; give a file name");
  // O_NONBLOCK: opening a FIFO would otherwise block until a writer opens it; some devices block
  // too. O_NOCTTY: a terminal must not become the controlling terminal.
  UniqueFd fd(open_long_path(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!fd) return failed(fmt::format("cannot open {}", path), errno);
  struct stat facts {};
  if (::fstat(fd.get(), &facts) != 0) return failed(fmt::format("cannot stat {}", path), errno);
  if (!S_ISREG(facts.st_mode)) {
    const int code = S_ISDIR(facts.st_mode) ? EISDIR : EINVAL;
    return local_error(code, fmt::format("cannot read {}: the path names {}; give a regular file",
                                         path, kind_of_file(facts.st_mode)));
  }
  // Clear O_NONBLOCK for reads: file systems with a tape archive return EAGAIN for it.
  if (::fcntl(fd.get(), F_SETFL, 0) != 0) return failed(fmt::format("cannot open {}", path), errno);
  // Files of /proc report size 0 although they may have content, which the upload would silently
  // miss. Some (/proc/self/mem) fail to read; a truly empty file reads 0 bytes.
  if (facts.st_size == 0) {
    std::byte byte{};
    const ssize_t got = ::pread(fd.get(), &byte, 1, 0);
    if (got < 0) return read_error(path, 0, errno);
    if (got > 0)
      return local_error(0,
                         fmt::format("cannot read {}: the file has content, but the file system "
                                     "reports a size of 0 bytes; copy the file and upload the copy",
                                     path));
  }
  return LocalFile{.path = path, .fd = std::move(fd), .identity = identity_from(facts)};
}

Result<std::string> absolute_path(const std::string& path) {
  std::error_code code;
  std::filesystem::path absolute = std::filesystem::absolute(path, code);
  if (code)
    return local_error(
        code.value(),
        fmt::format(
            "cannot resolve the absolute path of {}: {}; the working directory was deleted or "
            "is not accessible: give an absolute path or change to another directory",
            path, code.message()));
  // If "link" is a symbolic link, "link/.." is the parent of its target.
  if (std::find(absolute.begin(), absolute.end(), "..") != absolute.end()) {
    const std::filesystem::path parent = std::filesystem::canonical(absolute.parent_path(), code);
    if (!code) absolute = parent / absolute.filename();
  }
  return absolute.lexically_normal().string();
}

Result<FileIdentity> identity_of(int fd, const std::string& path) {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return failed(fmt::format("cannot stat {}", path), errno);
  return identity_from(facts);
}

Result<FileIdentity> identity_at(const std::string& path) {
  if (FileSystem* const files = ScopedFileSystem::current()) return files->identity_at(path);
  struct stat facts {};
  if (stat_long_path(path, facts) != 0) return failed(fmt::format("cannot stat {}", path), errno);
  return identity_from(facts);
}

Error read_error(const std::string& path, std::uint64_t offset, int code) {
  return failed(fmt::format("cannot read {} at offset {}", path, offset), code);
}

Error shrank_error(const std::string& path, std::uint64_t offset, std::uint64_t size) {
  return local_error(0, fmt::format("cannot read {} at offset {}: the file shrank to {} bytes; try "
                                    "again when no program writes to the file any more",
                                    path, offset, size));
}

Error ended_early_error(const std::string& path, std::uint64_t offset) {
  return local_error(0, fmt::format("cannot read {} at offset {}: unexpected end of the file; "
                                    "try again when no program writes to the file any more",
                                    path, offset));
}

}  // namespace sluice
