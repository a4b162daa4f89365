#include "engine/journal/state_trial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "engine/base/text.h"
#include "engine/journal/dataset_lock.h"
#include "engine/journal/state_dir.h"
#include "io/unique_fd.h"

namespace sluice {
namespace {

/// Writes a page, which fails on a full disk, and takes a lock of the kind that DatasetLock takes.
Result<void> try_file_in(const std::string& directory) {
  const auto refuse = [&](int code) {
    Error error =
        errno_error(ErrorKind::failed, code,
                    fmt::format("cannot write and lock a file in {}", printable(directory)));
    error.message += lock_advice(code);
    return error;
  };
  std::string path = directory + "/.trial-XXXXXX";
  UniqueFd fd(::mkostemp(path.data(), O_CLOEXEC));
  if (!fd) return refuse(errno);
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const std::array<char, 4096> page{};
  int code = 0;
  errno = 0;
  if (::write(fd.get(), page.data(), page.size()) != static_cast<ssize_t>(page.size()) ||
      ::fsync(fd.get()) != 0 || ::fcntl(fd.get(), F_OFD_SETLK, &lock) != 0)
    code = errno != 0 ? errno : ENOSPC;
  fd.reset();  // before unlink(); otherwise NFS leaves a file of its own
  ::unlink(path.c_str());
  if (code != 0) return refuse(code);
  return {};
}

/// Does the same in the place where make_state_dir() would create `directory`, without creating
/// missing parents.
Result<void> try_directory(const std::string& directory) {
  if (directory.empty()) return cannot_make_state_dir(directory, ENOENT);
  std::filesystem::path there;
  std::filesystem::path missing;
  struct stat facts {};
  for (const std::filesystem::path& part : std::filesystem::path(directory)) {
    const std::filesystem::path path = there / part;
    if (::stat(path.c_str(), &facts) == 0) {
      there = path;
      continue;
    }
    if (errno != ENOENT) return cannot_make_state_dir(path.string(), errno);
    missing = path;
    break;
  }
  if (missing.empty() && !S_ISDIR(facts.st_mode)) return cannot_make_state_dir(directory, ENOTDIR);
  if (missing.empty()) return try_file_in(directory);
  std::string made = (there.empty() ? std::string(".") : there.string()) + "/.trial-XXXXXX";
  if (::mkdtemp(made.data()) == nullptr) return cannot_make_state_dir(missing.string(), errno);
  Result<void> tried = try_file_in(made);
  ::rmdir(made.c_str());
  return tried;
}

/// Tests whether a write transaction can begin.
Result<void> try_journal(Journal& journal) {
  const Journal::Work nothing = [](JournalTables&) { return Result<void>(); };
  return std::move(journal.together({&nothing, 1}).front());
}

}  // namespace

Error journal_in_the_way(Error error) {
  error.message +=
      "; the journal may hold unfinished uploads; to upload without the journal, use --no-journal";
  return error;
}

StateTrial try_state_dir(const std::string& directory) {
  StateTrial trial;
  auto journal = Journal::open_existing(directory);
  Result<void> usable;
  if (journal && *journal) usable = try_journal(**journal);
  // A journal that cannot be looked for does not prevent uploads without a journal.
  if (!journal && Journal::exists(directory)) usable = journal.error();
  if (!usable)
    trial.error = journal_in_the_way(std::move(usable).error());
  else if (journal)
    trial.journal = *std::move(journal);
  for (const std::string& path : {directory, directory + "/locks"})
    if (Result<void> tried = try_directory(path); !tried && !trial.trouble)
      trial.trouble = std::move(tried).error();
  return trial;
}

}  // namespace sluice
