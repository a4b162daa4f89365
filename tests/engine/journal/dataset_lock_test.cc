#include "engine/journal/dataset_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include "engine/journal/state_trial.h"
#include "tests/support/refused_call.h"
#include "tests/support/temp_dir.h"

namespace sluice::dataset_lock_test {
namespace {

namespace fs = std::filesystem;

const std::string system_url = "https://databank.example";

std::string this_host() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Returns the only file in DIR/locks.
fs::path lock_file(const test::TempDir& dir) {
  fs::path found;
  for (const auto& entry : fs::directory_iterator(dir / "locks")) {
    EXPECT_TRUE(found.empty()) << "more than one lock";
    found = entry.path();
  }
  return found;
}

/// Another process that holds a lock until it is killed, by the destructor at the latest.
class OtherHolder {
 public:
  OtherHolder(const std::string& dir, const std::string& dataset, const std::string& what,
              DatasetLock::Scope scope = DatasetLock::Scope::dataset) {
    int ready[2];
    EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      const auto lock = DatasetLock::acquire(dir, system_url, dataset, what, scope);
      const char taken = lock ? 'y' : 'n';
      if (::write(ready[1], &taken, 1) == 1)
        while (true) ::pause();
      ::_exit(1);
    }
    ::close(ready[1]);
    char taken = 'n';
    EXPECT_EQ(::read(ready[0], &taken, 1), 1);
    EXPECT_EQ(taken, 'y');
    ::close(ready[0]);
  }
  ~OtherHolder() { kill(); }
  OtherHolder(const OtherHolder&) = delete;
  OtherHolder& operator=(const OtherHolder&) = delete;

  pid_t pid() const { return pid_; }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
};

TEST(DatasetLock, ReportsTheHolderInAnotherProcess) {
  const test::TempDir dir;
  const OtherHolder other(dir.path(), "IDB-1", "scan.h5");
  const auto lock = DatasetLock::acquire(dir.path(), system_url, "IDB-1", "notes.txt");
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().kind, ErrorKind::failed);
  EXPECT_TRUE(lock.error().retryable);
  EXPECT_EQ(lock.error().message,
            "dataset IDB-1 is in use: another sluice process (PID " + std::to_string(other.pid()) +
                " on host " + this_host() +
                ") is uploading 'scan.h5' into it; wait until that upload ends, or stop it");
}

TEST(DatasetLock, EndsWithItsProcess) {
  const test::TempDir dir;
  OtherHolder other(dir.path(), "IDB-1", "scan.h5");
  ASSERT_FALSE(DatasetLock::acquire(dir.path(), system_url, "IDB-1", "scan.h5"));
  other.kill();
  const auto holder = DatasetLock::holder(dir.path(), system_url, "IDB-1", "scan.h5");
  ASSERT_TRUE(holder);
  EXPECT_FALSE(*holder) << "the text of a dead process is no holder";
  EXPECT_TRUE(DatasetLock::acquire(dir.path(), system_url, "IDB-1", "scan.h5"));
}

TEST(DatasetLock, ExcludesWithinOneProcess) {
  const test::TempDir dir;
  auto first = DatasetLock::acquire(dir.path(), system_url, "IDB-1", "scan.h5");
  ASSERT_TRUE(first) << first.error().message;
  const auto second = DatasetLock::acquire(dir.path(), system_url, "IDB-1", "scan.h5");
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().retryable);
  EXPECT_EQ(
      second.error().message,
      "dataset IDB-1 is in use: this sluice process is uploading 'scan.h5' into it; wait until "
      "that upload ends, or stop it");
  { const DatasetLock gone = std::move(*first); }
  EXPECT_TRUE(DatasetLock::acquire(dir.path(), system_url, "IDB-1", "scan.h5"));
}

TEST(DatasetLock, FailedAttemptKeepsTheLock) {
  const test::TempDir dir;
  const OtherHolder other(dir.path(), "IDB-1", "scan.h5");
  for (int attempt = 0; attempt < 3; ++attempt) {
    EXPECT_FALSE(DatasetLock::acquire(dir.path(), system_url, "IDB-1", "scan.h5"));
    const auto holder = DatasetLock::holder(dir.path(), system_url, "IDB-1", "scan.h5");
    ASSERT_TRUE(holder && *holder);
    EXPECT_EQ((*holder)->pid, other.pid());
    EXPECT_EQ((*holder)->host, this_host());
    EXPECT_EQ((*holder)->what, "scan.h5");
  }
}

TEST(DatasetLock, LeavesOtherDatasetsAndSystemsFree) {
  const test::TempDir dir;
  const auto first = DatasetLock::acquire(dir.path(), system_url, "IDB-1", "scan.h5");
  ASSERT_TRUE(first);
  EXPECT_TRUE(DatasetLock::acquire(dir.path(), system_url, "IDB-2", "scan.h5"));
  EXPECT_TRUE(DatasetLock::acquire(dir.path(), "http://localhost:3000", "IDB-1", "scan.h5"));
  const auto holder = DatasetLock::holder(dir.path(), system_url, "IDB-2", "scan.h5");
  ASSERT_TRUE(holder);
  EXPECT_FALSE(*holder);
}

TEST(DatasetLock, NameLockLeavesOtherNamesFree) {
  using Scope = DatasetLock::Scope;
  const test::TempDir dir;
  const auto acquire = [&](const char* what, Scope scope) {
    return DatasetLock::acquire(dir.path(), system_url, "IDB-1", what, scope);
  };
  auto first = acquire("scan.h5", Scope::name);
  ASSERT_TRUE(first);
  EXPECT_FALSE(acquire("scan.h5", Scope::name)) << "the same name twice";
  EXPECT_FALSE(acquire("other.h5", Scope::dataset)) << "setup would delete the other file";
  auto second = acquire("other.h5", Scope::name);
  ASSERT_TRUE(second);
  for (const char* what : {"scan.h5", "other.h5"}) {
    const auto holder = DatasetLock::holder(dir.path(), system_url, "IDB-1", what);
    ASSERT_TRUE(holder && *holder) << what;
    EXPECT_EQ((*holder)->what, what);
  }
  const auto none = DatasetLock::holder(dir.path(), system_url, "IDB-1", "third.h5");
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  { const DatasetLock gone = std::move(*first); }
  EXPECT_FALSE(acquire("third.h5", Scope::dataset)) << "the other lock is still held";
  { const DatasetLock gone = std::move(*second); }
  auto whole = acquire("third.h5", Scope::dataset);
  EXPECT_TRUE(whole);
  EXPECT_FALSE(acquire("scan.h5", Scope::name));
}

/// The holders of names share the file, which names the last holder only.
TEST(DatasetLock, ReportsTheHolderOfANameOnlyIfKnown) {
  using Scope = DatasetLock::Scope;
  const test::TempDir dir;
  const auto refusal = [&](const char* what, Scope scope) {
    const auto lock = DatasetLock::acquire(dir.path(), system_url, "IDB-1", what, scope);
    EXPECT_FALSE(lock);
    return lock ? "" : lock.error().message;
  };
  const OtherHolder other(dir.path(), "IDB-1", "scan.h5", Scope::name);
  const std::string him = "dataset IDB-1 is in use: another sluice process (PID " +
                          std::to_string(other.pid()) + " on host " + this_host() +
                          ") is uploading 'scan.h5' into it; wait until that upload ends, or "
                          "stop it";
  const std::string somebody =
      "dataset IDB-1 is in use: another sluice process is uploading 'scan.h5' into it; wait until "
      "that upload ends, or stop it";
  const std::string anything =
      "dataset IDB-1 is in use: another sluice process is uploading a file into it; wait until "
      "that "
      "upload ends, or stop it";
  EXPECT_EQ(refusal("scan.h5", Scope::name), him);
  EXPECT_EQ(refusal("new.h5", Scope::dataset), him);
  {
    const auto mine =
        DatasetLock::acquire(dir.path(), system_url, "IDB-1", "other.h5", Scope::name);
    ASSERT_TRUE(mine);
    EXPECT_EQ(refusal("scan.h5", Scope::name), somebody);
    EXPECT_TRUE(
        holds(refusal("new.h5", Scope::dataset), "this sluice process is uploading 'other"));
    const auto holder = DatasetLock::holder(dir.path(), system_url, "IDB-1", "scan.h5");
    ASSERT_TRUE(holder && *holder);
    EXPECT_EQ((*holder)->pid, 0) << "the holder is unknown, not this process";
    EXPECT_EQ((*holder)->what, "scan.h5");
  }
  EXPECT_EQ(refusal("scan.h5", Scope::name), somebody);
  EXPECT_EQ(refusal("new.h5", Scope::dataset), anything) << "other.h5 is not locked any more";
}

TEST(DatasetLock, FindsAnyHolderOfADataset) {
  using Scope = DatasetLock::Scope;
  const test::TempDir dir;
  const auto holder = [&] {
    const auto found = DatasetLock::holder(dir.path(), system_url, "IDB-1");
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : std::nullopt;
  };
  EXPECT_FALSE(holder());
  EXPECT_TRUE(fs::is_empty(dir.path()));
  for (const Scope scope : {Scope::name, Scope::dataset}) {
    const auto lock = DatasetLock::acquire(dir.path(), system_url, "IDB-1", "scan.h5", scope);
    ASSERT_TRUE(lock);
    ASSERT_TRUE(holder());
    EXPECT_EQ(holder()->what, "scan.h5");
    EXPECT_EQ(holder()->pid, ::getpid());
    EXPECT_EQ(holder()->whole, scope == Scope::dataset);
  }
  EXPECT_FALSE(holder());
}

TEST(DatasetLock, QueryCreatesNoFile) {
  const test::TempDir dir;
  const auto holder = DatasetLock::holder(dir.path(), system_url, "IDB-1", "scan.h5");
  ASSERT_TRUE(holder) << holder.error().message;
  EXPECT_FALSE(*holder);
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

TEST(DatasetLock, ReleasedFileIsPrivateAndEmpty) {
  const test::TempDir dir;
  const mode_t mask = ::umask(0);
  auto lock = DatasetLock::acquire(dir.path(), system_url, "IDB-1", "scan.h5");
  ::umask(mask);
  ASSERT_TRUE(lock);
  const fs::path file = lock_file(dir);
  EXPECT_EQ(fs::status(file).permissions(), fs::perms(0600));
  EXPECT_EQ(fs::status(dir / "locks").permissions(), fs::perms(0700));
  EXPECT_TRUE(holds(test::read_file(file), "scan.h5"));
  { const DatasetLock gone = std::move(*lock); }
  ASSERT_TRUE(fs::exists(file));
  EXPECT_EQ(test::read_file(file), "") << "the next holder would be taken for this one";
}

TEST(DatasetLock, MoveKeepsTheLockAndAssignmentReleasesTheOld) {
  const test::TempDir dir;
  auto one = DatasetLock::acquire(dir.path(), system_url, "IDB-1", "a");
  auto two = DatasetLock::acquire(dir.path(), system_url, "IDB-2", "b");
  ASSERT_TRUE(one && two);
  *one = std::move(*two);
  EXPECT_TRUE(DatasetLock::acquire(dir.path(), system_url, "IDB-1", "a"));
  EXPECT_FALSE(DatasetLock::acquire(dir.path(), system_url, "IDB-2", "b"));
}

TEST(DatasetLock, ChildProgramsDoNotInheritTheLock) {
  const test::TempDir dir;
  auto lock = DatasetLock::acquire(dir.path(), system_url, "IDB-1", "scan.h5");
  ASSERT_TRUE(lock);
  // Once cat has answered, it has started with all inherited descriptors.
  int in[2];
  int out[2];
  ASSERT_EQ(::pipe2(in, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(out, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::execlp("cat", "cat", nullptr);
    ::_exit(127);
  }
  char byte = 'x';
  ASSERT_EQ(::write(in[1], &byte, 1), 1);
  ASSERT_EQ(::read(out[0], &byte, 1), 1);
  { const DatasetLock gone = std::move(*lock); }
  EXPECT_TRUE(DatasetLock::acquire(dir.path(), system_url, "IDB-1", "scan.h5"));
  for (const int fd : {in[0], in[1], out[0], out[1]}) ::close(fd);
  ::waitpid(child, nullptr, 0);
}

TEST(DatasetLock, ReportsUnusableDirectoryAndSymbolicLink) {
  const test::TempDir dir;
  test::write_file(dir / "file", "");
  const auto no_directory = DatasetLock::acquire(dir / "file", system_url, "IDB-1", "scan.h5");
  ASSERT_FALSE(no_directory);
  EXPECT_FALSE(no_directory.error().retryable);
  EXPECT_TRUE(holds(no_directory.error().message, (dir / "file").string()));

  // A symbolic link in place of the file is not followed; otherwise the lock could truncate any
  // file.
  { ASSERT_TRUE(DatasetLock::acquire(dir.path(), system_url, "IDB-1", "scan.h5")); }
  const fs::path file = lock_file(dir);
  fs::remove(file);
  test::write_file(dir / "precious", "text");
  fs::create_symlink(dir / "precious", file);
  const auto link = DatasetLock::acquire(dir.path(), system_url, "IDB-1", "scan.h5");
  ASSERT_FALSE(link);
  EXPECT_FALSE(link.error().retryable);
  EXPECT_EQ(link.error().kind, ErrorKind::failed);
  EXPECT_TRUE(holds(link.error().message, file.string()));
  EXPECT_EQ(test::read_file(dir / "precious"), "text");
}

TEST(DatasetLock, ReportsAKernelWithoutOfdLocks) {
  const test::TempDir dir;
  bool possible = false;
  std::optional<Error> error;
  std::optional<Error> trial;
  // The filter ends with the thread.
  std::thread([&] {
    possible = test::refuse_call(SYS_fcntl, EINVAL, F_OFD_SETLK);
    if (!possible) return;
    error = DatasetLock::acquire(dir.path(), system_url, "IDB-1", "scan.h5").error();
    trial = try_state_dir(dir.path()).trouble;
  }).join();
  if (!possible) GTEST_SKIP() << "this system does not support system call filters";
  ASSERT_TRUE(error && trial);
  EXPECT_FALSE(error->retryable);
  for (const Error& each : {*error, *trial}) {
    EXPECT_TRUE(holds(each.message, "Invalid argument")) << each.message;
    EXPECT_TRUE(holds(each.message, "Linux 3.15 or later")) << each.message;
  }
}

TEST(DatasetLock, DoesNotTrustTheTextInTheFile) {
  const test::TempDir dir;
  const auto lock = DatasetLock::acquire(dir.path(), system_url, "IDB-1", "scan.h5");
  ASSERT_TRUE(lock);
  const fs::path file = lock_file(dir);
  for (const std::string& text :
       {std::string(), std::string("\n\n\n"), std::string("-5\nh\nx\n"), std::string("12x\nh\nx\n"),
        std::string("99999999999999999999\n\n\n"), std::string(100'000, '7'),
        test::random_bytes(5000, 1), std::string("1\n\x1B[2J\n\x1B]0;\n")}) {
    test::write_file(file, text);
    const auto again = DatasetLock::acquire(dir.path(), system_url, "IDB-1", "scan.h5");
    ASSERT_FALSE(again);
    EXPECT_TRUE(again.error().retryable);
    EXPECT_LT(again.error().message.size(), 2000U);
    EXPECT_FALSE(holds(again.error().message, "\x1B"));
    EXPECT_TRUE(holds(again.error().message, "another sluice")) << again.error().message;
  }
}

}  // namespace
}  // namespace sluice::dataset_lock_test
