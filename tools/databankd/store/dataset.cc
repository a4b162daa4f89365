#include "tools/databankd/store/dataset.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <system_error>
#include <utility>

#include "tools/databankd/base/files.h"
#include "tools/databankd/store/carrierwave_name.h"

namespace sluice::databankd {
namespace fs = std::filesystem;

namespace {

bool is_base_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

}  // namespace

// --- Chunk

Chunk::Chunk(Dataset& dataset, std::optional<std::int64_t> previous_size)
    : dataset_(dataset), previous_size_(previous_size) {}

void Chunk::write(std::span<const std::byte> data) {
  const bool is_progress_request =
      previous_size_ && *previous_size_ < 0;  // a request for the progress
  if (!is_progress_request && error_ == 0) {
    if (!digest_) try_digest();
    if (digest_) digest_->update(data);
    if (!digest_ || !dataset_.options_.discard) spool(data);
  }
  size_ += data.size();
}

void Chunk::cut(std::uint64_t size) {
  assert(!previous_size_ && size <= size_);
  size_ = size;
}

/// Starts the digest as soon as the staged file has the size that this chunk follows, and hashes
/// what was spooled before.
void Chunk::try_digest() {
  if (!previous_size_) return;
  std::optional<Dataset::Staged> staged = dataset_.staged_now();
  if (!staged || !staged->digest || staged->size != static_cast<std::uint64_t>(*previous_size_))
    return;
  Digest digest = std::move(*staged->digest);
  if (spool_) {
    error_ = read_through(spool_.get(), size_, [&](auto piece) { digest.update(piece); });
    if (error_ != 0) return;
    if (dataset_.options_.discard) spool_.reset();
  }
  digest_ = std::move(digest);
  generation_ = staged->generation;
}

void Chunk::spool(std::span<const std::byte> data) {
  if (!spool_) {
    spool_ = open_unnamed(dataset_.options_.staging);
    if (!spool_) {
      error_ = errno;
      return;
    }
  }
  error_ = write_all(spool_.get(), data);
  if (error_ != 0) spool_.reset();  // frees the disk space at once
}

// --- Dataset

Dataset::Dataset(Options options, Registry& registry, Thinking& thinking)
    : options_(std::move(options)),
      registry_(registry),
      thinking_(thinking),
      token_(options_.token, Token::Clock::now()) {}

std::string Dataset::shown_path(const std::string& name) const {
  return "/datafiles/api/" + key() + "/" + name;
}

fs::path Dataset::staged_path(const std::string& name) const {
  return options_.staging / key() / name;
}

std::optional<Dataset::Staged> Dataset::staged_now() const {
  const MutexLock lock(state_);
  return staged_;
}

void Dataset::publish(std::optional<Staged> staged) {
  if (staged) staged->generation = ++generations_;
  const MutexLock lock(state_);
  staged_ = std::move(staged);
}

/// Deletes everything staged; leaves an empty directory.
Result<void> Dataset::clear() {
  publish(std::nullopt);
  // A discarding server clears the directory, too: an earlier run may have stored files.
  const fs::path directory = options_.staging / key();
  std::error_code error;
  fs::remove_all(directory, error);
  if (!error) fs::create_directories(directory, error);
  if (error) return system_error(error.value(), "dir_s_mkdir", shown_path(""));
  return {};
}

Result<void> Dataset::forget_staged() {
  const MutexLock lock(files_);
  return clear();
}

/// Returns the error of Ruby for a name that is not a base name.
Result<void> Dataset::check_name(const std::string& name) const {
  if (is_base_name(name)) return {};
  const int code = name.find('/') != std::string::npos    ? ENOENT
                   : name.find('\0') != std::string::npos ? EINVAL
                                                          : EISDIR;
  return system_error(code, "rb_sysopen", shown_path(name.substr(0, name.find('\0'))));
}

std::string Dataset::registered_name(const std::string& name) const {
  return options_.rename ? carrierwave_name(name) : name;
}

Result<void> Dataset::setup(const std::string& name) {
  const MutexLock lock(files_);
  TRY(check_name(name));
  TRY(clear());
  if (!options_.discard) {
    const UniqueFd fd(::open(staged_path(name).c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!fd) return system_error(errno, "rb_sysopen", shown_path(name));
  }
  Staged empty;
  empty.name = name;
  empty.digest.emplace();
  publish(std::move(empty));
  return {};
}

/// Updates the state from the disk: finds files staged by an earlier run, and notices deleted
/// files. Returns whether anything is staged under that name.
bool Dataset::refresh_staged(const std::string& name) {
  std::optional<Staged> staged = staged_now();
  const bool known = staged && staged->name == name;
  if (options_.discard) return known;
  struct stat status {};
  if (!is_base_name(name) || ::lstat(staged_path(name).c_str(), &status) != 0 ||
      !S_ISREG(status.st_mode)) {
    if (known) publish(std::nullopt);
    return false;
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (!known || staged->size != size) {
    Staged found;
    found.name = name;
    found.size = size;
    if (size == 0) found.digest.emplace();
    publish(std::move(found));
  }
  return true;
}

std::optional<std::uint64_t> Dataset::staged_size(const std::string& name) {
  const MutexLock lock(files_);
  if (!refresh_staged(name)) return std::nullopt;
  return staged_now()->size;
}

Result<Dataset::Appended> Dataset::append(Chunk& chunk, const std::string& name,
                                          std::int64_t previous_size) {
  const MutexLock lock(files_);
  if (!refresh_staged(name)) return Appended{};
  Staged staged = *staged_now();
  if (previous_size < 0 || static_cast<std::uint64_t>(previous_size) != staged.size)
    return Appended{Appended::Outcome::unexpected_previous_size, staged.size};
  if (chunk.error_ != 0) return system_error(chunk.error_, "io_write", shown_path(name));
  if (chunk.size_ > 0) {
    // At offset 0 the generation does not matter: a repeated setup does no harm.
    const bool from_empty = previous_size == 0 && chunk.previous_size_ == 0;
    if (chunk.digest_ && (chunk.generation_ == staged.generation || from_empty)) {
      staged.digest = std::move(*chunk.digest_);
    } else if (!chunk.spool_) {
      // The staged file was replaced by one of the same size while this chunk was hashed and
      // discarded.
      return system_error(ESTALE, "io_write", shown_path(name));
    } else if (staged.digest) {
      const int code = read_through(chunk.spool_.get(), chunk.size_,
                                    [&](auto piece) { staged.digest->update(piece); });
      if (code != 0) return system_error(code, "io_read", shown_path(name));
    }
    if (!options_.discard) TRY(copy_to_staged(chunk, staged));
    staged.size += chunk.size_;
  }
  const std::uint64_t size = staged.size;
  // Before the delay: the next chunk can be hashed from now on, and need not be spooled.
  publish(std::move(staged));
  thinking_.think();
  return Appended{Appended::Outcome::appended, size};
}

/// Copies instead of renaming, because most chunks follow others. On failure truncates the staged
/// file to its old size.
Result<void> Dataset::copy_to_staged(const Chunk& chunk, const Staged& staged) {
  TRY_ASSIGN(const UniqueFd fd, open_to_append(staged.name, staged.size));
  const int code = copy_range(chunk.spool_.get(), 0, fd.get(), staged.size, chunk.size_);
  if (code == 0) return {};
  if (::ftruncate(fd.get(), static_cast<off_t>(staged.size)) != 0)
    return system_error(errno, "rb_file_truncate", shown_path(staged.name));
  return system_error(code, "io_write", shown_path(staged.name));
}

/// A staged file that was registered is a hard link to the registered file (store_file()). Before
/// appending, copies it, so that the registered file does not change.
Result<UniqueFd> Dataset::open_to_append(const std::string& name, std::uint64_t size) {
  const fs::path path = staged_path(name);
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return system_error(errno, "rb_sysopen", shown_path(name));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0)
    return system_error(errno, "rb_file_s_size", shown_path(name));
  if (status.st_nlink < 2) return fd;

  const fs::path unshared = options_.staging / ("unshared." + key());
  UniqueFd copy(
      ::open(unshared.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!copy) return system_error(errno, "rb_sysopen", shown_path(name));
  int code = copy_range(fd.get(), 0, copy.get(), 0, size);
  if (code == 0 && ::rename(unshared.c_str(), path.c_str()) != 0) code = errno;
  if (code != 0) {
    ::unlink(unshared.c_str());
    return system_error(code, "io_write", shown_path(name));
  }
  return copy;
}

Result<std::optional<Registration>> Dataset::register_file(const std::string& name) {
  const MutexLock lock(files_);
  if (!refresh_staged(name)) return std::optional<Registration>();
  Staged staged = *staged_now();
  UniqueFd fd;
  if (!options_.discard) {
    fd = UniqueFd(::open(staged_path(name).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return system_error(errno, "rb_sysopen", shown_path(name));
  }
  if (!staged.digest) {
    // Staged by an earlier run: the only case in which a file is read again.
    Digest digest;
    const int code = read_through(fd.get(), staged.size, [&](auto piece) { digest.update(piece); });
    if (code != 0) return system_error(code, "io_read", shown_path(name));
    staged.digest = std::move(digest);
    publish(staged);
  }
  Registration registration{key(), registered_name(name), staged.size, staged.digest->hex()};
  if (!options_.discard) TRY(store_file(fd.get(), staged.size, /*share=*/true, registration.name));
  TRY(registry_.add(registration));
  if (options_.rename) TRY(clear());
  return std::optional(std::move(registration));
}

Result<Registration> Dataset::deposit(const Deposit& deposit) {
  const MutexLock lock(files_);
  Registration registration{key(), registered_name(deposit.name), deposit.size, deposit.xxh128};
  TRY(check_name(registration.name));
  if (!options_.discard)
    TRY(store_file(deposit.file.get(), deposit.size, deposit.share, registration.name));
  TRY(registry_.add(registration));
  return registration;
}

UniqueFd Dataset::open_spool() const {
  return options_.discard ? UniqueFd() : open_unnamed(options_.staging);
}

/// Places the file at store/KEY/NAME: as a hard link if `share`, which copies no bytes and keeps
/// the staged file for a second registration; else as a copy. Replaces an existing file atomically.
Result<void> Dataset::store_file(int file, std::uint64_t size, bool share,
                                 const std::string& name) {
  const fs::path to = options_.store / key() / name;
  const fs::path link = options_.staging / ("registered." + key());
  ::unlink(link.c_str());
  int code = 0;
  // An unnamed file can be linked by this path only.
  const std::string self = "/proc/self/fd/" + std::to_string(file);
  if (!share || ::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, link.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    // Not shared, or the file system cannot link the file: copy it.
    const UniqueFd copy(::open(link.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    code = copy ? copy_range(file, 0, copy.get(), 0, size) : errno;
  }
  if (code == 0 && ::rename(link.c_str(), to.c_str()) != 0) code = errno;
  // If both were links to the same file, rename() does nothing and keeps both.
  ::unlink(link.c_str());
  if (code != 0) return system_error(code, "rb_file_s_rename", shown_path(name));
  return {};
}

}  // namespace sluice::databankd
