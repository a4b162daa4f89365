#include "engine/journal/dataset_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <charconv>
#include <climits>
#include <string_view>

#include "engine/base/text.h"
#include "engine/journal/state_dir.h"

namespace sluice {
namespace {

/// Returns the path of the lock file: a hash of system and dataset, as a URL may have any
/// characters.
std::string lock_path(const std::string& directory, const std::string& system,
                      const std::string& dataset) {
  const std::string both = system + '\n' + dataset;
  const XXH128_hash_t hash = XXH3_128bits(both.data(), both.size());
  return fmt::format("{}/locks/{:016x}{:016x}.lock", directory, hash.high64, hash.low64);
}

/// Returns a lock on the whole file. Open file description locks, not flock() and not POSIX locks.
/// Like flock(), they belong to the descriptor, exclude other descriptors of the same process and
/// end with the process. Like POSIX locks, they can be queried without being acquired
/// (F_OFD_GETLK), and NFS carries them to other machines.
struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

/// Returns a lock on the byte of a name, which lies behind the text in the file.
struct flock byte_of(const std::string& name) {
  struct flock lock = whole_file();
  constexpr std::uint64_t places = std::uint64_t{1} << 62;
  lock.l_start = static_cast<off_t>(4096 + XXH3_64bits(name.data(), name.size()) % places);
  lock.l_len = 1;
  return lock;
}

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

/// Returns the text that a holder writes into the file: one line each for the process, the host and
/// the name being uploaded.
std::string describe_self(const std::string& what) {
  return fmt::format("{}\n{}\n{}\n", ::getpid(), printable(host_name()), printable(what));
}

DatasetLock::Holder read_holder(int fd) {
  // A name has at most 255 bytes and a host 64; sluice did not write a longer text.
  char buffer[1024];
  const ssize_t got = ::pread(fd, buffer, sizeof buffer, 0);
  std::string_view text(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
  const auto next_line = [&] {
    const std::size_t end = text.find('\n');
    if (end == text.npos) return std::string_view();  // an incomplete line is not reliable
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
  };
  DatasetLock::Holder holder;
  const std::string_view pid = next_line();
  const auto [end, code] = std::from_chars(pid.data(), pid.data() + pid.size(), holder.pid);
  if (code != std::errc() || end != pid.data() + pid.size() || holder.pid <= 0) holder.pid = 0;
  holder.host = printable(next_line());
  holder.what = printable(next_line());
  return holder;
}

/// Returns the holder of a lock that conflicts with `wanted`, which is for the name `what` (empty:
/// for all names).
///
/// The holders of names share the file, which names the last holder only. So its lines count only
/// if they name the conflicting lock; otherwise the holder is unknown.
Result<std::optional<DatasetLock::Holder>> holder_of(int fd, struct flock wanted,
                                                     const std::string& what,
                                                     const std::string& path) {
  const auto ask = [&](struct flock& lock) { return ::fcntl(fd, F_OFD_GETLK, &lock) == 0; };
  struct flock lock = wanted;
  if (!ask(lock))
    return errno_error(ErrorKind::failed, errno,
                       fmt::format("cannot find out whether {} is locked", printable(path)));
  if (lock.l_type == F_UNLCK) return std::nullopt;
  DatasetLock::Holder said = read_holder(fd);
  said.whole = lock.l_len != 1;
  if (said.whole) return said;
  DatasetLock::Holder unknown;
  unknown.what = printable(what);
  if (!what.empty()) return said.what == unknown.what ? said : unknown;
  struct flock named = byte_of(said.what);
  return ask(named) && named.l_type != F_UNLCK ? said : unknown;
}

Error cannot_lock(const std::string& path, int code) {
  Error error =
      errno_error(ErrorKind::failed, code, fmt::format("cannot lock {}", printable(path)));
  // A transient error; the upload never continues without the lock.
  error.retryable = code == EMFILE || code == ENFILE;
  error.message +=
      error.retryable ? "; raise the limit on open files (ulimit -n)" : lock_advice(code);
  return error;
}

}  // namespace

std::string lock_advice(int code) {
  // The kernel returns EINVAL for an unknown command.
  if (code == EINVAL)
    return "; this kernel has no locks of open file descriptions: use a machine with Linux 3.15 or "
           "later";
  return "; choose another state directory with --state-dir";
}

std::string DatasetLock::Holder::process() const {
  if (pid == 0) return "another sluice process";
  return fmt::format("process {}{}", pid, host.empty() ? "" : " on " + printable(host));
}

Error DatasetLock::held_by(const Holder& holder, const std::string& dataset) {
  std::string who = "another sluice process";
  const bool this_process = holder.pid == ::getpid() && holder.host == printable(host_name());
  if (this_process)
    who = "this sluice process";
  else if (holder.pid != 0)
    who += fmt::format(" (PID {}{})", holder.pid,
                       holder.host.empty() ? "" : " on host " + holder.host);
  return Error{
      .kind = ErrorKind::failed,
      .message = fmt::format("dataset {} is in use: {} is uploading {} into it; wait until that "
                             "upload ends, or stop it",
                             printable(dataset), who,
                             holder.what.empty() ? "a file" : fmt::format("'{}'", holder.what)),
      .code = EAGAIN,
      .retryable = true};
}

Result<DatasetLock> DatasetLock::acquire(const std::string& directory, const std::string& system,
                                         const std::string& dataset, const std::string& what,
                                         Scope scope) {
  TRY(make_state_dir(directory + "/locks"));
  const std::string path = lock_path(directory, system, dataset);
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return cannot_lock(path, errno);
  struct flock lock = scope == Scope::dataset ? whole_file() : byte_of(what);
  if (::fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno != EAGAIN && errno != EACCES) return cannot_lock(path, errno);
    const auto holder = holder_of(fd.get(), lock, scope == Scope::name ? what : "", path);
    return held_by(holder ? holder->value_or(Holder{}) : Holder{}, dataset);
  }
  // The lock counts, not the text in the file: an upload does not fail because the text cannot be
  // written to a full disk.
  const std::string text = describe_self(what);
  // A file that several holders share is not truncated: only its first lines count. Some file
  // systems write a file that was truncated and rewritten to the disk at close(), which would
  // happen for each of ten thousand files.
  static_cast<void>((scope == Scope::name || ::ftruncate(fd.get(), 0) == 0) &&
                    ::pwrite(fd.get(), text.data(), text.size(), 0) > 0);
  return DatasetLock(std::move(fd), scope);
}

namespace {

using Holder = DatasetLock::Holder;

/// Like DatasetLock::holder(). `what`: the name; empty for any name.
Result<std::optional<Holder>> find_holder(const std::string& path, struct flock wanted,
                                          const std::string& what) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (!fd)
    return errno_error(ErrorKind::failed, errno,
                       fmt::format("cannot find out whether {} is locked", printable(path)));
  return holder_of(fd.get(), wanted, what, path);
}

}  // namespace

Result<std::optional<Holder>> DatasetLock::holder(const std::string& directory,
                                                  const std::string& system,
                                                  const std::string& dataset,
                                                  const std::string& what) {
  TRY_ASSIGN(std::optional<Holder> found,
             find_holder(lock_path(directory, system, dataset), byte_of(what), what));
  if (found && found->whole && found->what != printable(what)) return std::nullopt;
  return found;
}

Result<std::optional<Holder>> DatasetLock::holder(const std::string& directory,
                                                  const std::string& system,
                                                  const std::string& dataset) {
  return find_holder(lock_path(directory, system, dataset), whole_file(), "");
}

DatasetLock& DatasetLock::operator=(DatasetLock&& other) noexcept {
  release();
  fd_ = std::move(other.fd_);
  scope_ = other.scope_;
  return *this;
}

DatasetLock::~DatasetLock() {
  release();
}

void DatasetLock::release() {
  // Clears the text, so that it does not describe the next holder before that holder has written
  // its own.
  if (fd_ && scope_ == Scope::dataset) static_cast<void>(::ftruncate(fd_.get(), 0));
  fd_.reset();
}

}  // namespace sluice
