#include "tools/databankd/base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <vector>

namespace sluice::databankd {
namespace {

constexpr std::size_t piece = std::size_t{256} << 10;

int copy_by_hand(int from, std::uint64_t from_offset, int to, std::uint64_t to_offset,
                 std::uint64_t length) {
  std::vector<std::byte> buffer(piece);
  while (length > 0) {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(length, piece));
    const ssize_t got = ::pread(from, buffer.data(), wanted, static_cast<off_t>(from_offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return ENODATA;
    ssize_t done = 0;
    while (done < got) {
      const ssize_t put = ::pwrite(to, buffer.data() + done, static_cast<std::size_t>(got - done),
                                   static_cast<off_t>(to_offset) + done);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return errno;
      done += put;
    }
    from_offset += static_cast<std::uint64_t>(got);
    to_offset += static_cast<std::uint64_t>(got);
    length -= static_cast<std::uint64_t>(got);
  }
  return 0;
}

}  // namespace

Error system_error(int code, std::string_view call, std::string_view shown_path) {
  return Error{.kind = ErrorKind::failed,
               .message = fmt::format("{} @ {} - {}", std::system_category().message(code), call,
                                      shown_path),
               .code = code};
}

int write_all(int fd, std::span<const std::byte> data) {
  while (!data.empty()) {
    const ssize_t put = ::write(fd, data.data(), data.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    data = data.subspan(static_cast<std::size_t>(put));
  }
  return 0;
}

int copy_range(int from, std::uint64_t from_offset, int to, std::uint64_t to_offset,
               std::uint64_t length) {
  off_t in = static_cast<off_t>(from_offset);
  off_t out = static_cast<off_t>(to_offset);
  while (length > 0) {
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(length, std::uint64_t{1} << 30));
    const ssize_t done = ::copy_file_range(from, &in, to, &out, wanted, 0);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0 && (errno == EXDEV || errno == ENOSYS || errno == EINVAL || errno == EOPNOTSUPP)) {
      return copy_by_hand(from, static_cast<std::uint64_t>(in), to, static_cast<std::uint64_t>(out),
                          length);
    }
    if (done < 0) return errno;
    if (done == 0) return ENODATA;
    length -= static_cast<std::uint64_t>(done);
  }
  return 0;
}

int read_through(int fd, std::uint64_t length,
                 const std::function<void(std::span<const std::byte>)>& sink) {
  std::vector<std::byte> buffer(piece);
  std::uint64_t offset = 0;
  while (offset < length) {
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(length - offset, piece));
    const ssize_t got = ::pread(fd, buffer.data(), wanted, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return ENODATA;
    sink(std::span(buffer).first(static_cast<std::size_t>(got)));
    offset += static_cast<std::uint64_t>(got);
  }
  return 0;
}

UniqueFd open_unnamed(const std::filesystem::path& directory) {
  UniqueFd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return fd;
  // The file system has no O_TMPFILE (NFS, old overlayfs): create a file and unlink it at once.
  std::string name = (directory / "spool-XXXXXX").string();
  fd = UniqueFd(::mkostemp(name.data(), O_CLOEXEC));
  if (fd) ::unlink(name.c_str());
  return fd;
}

}  // namespace sluice::databankd
