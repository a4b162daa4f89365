#include "tests/support/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "io/sync.h"
#include "io/unique_fd.h"

namespace sluice::test {
namespace {

[[noreturn]] void fail(int code, const std::string& what) {
  throw std::system_error(code, std::generic_category(), what);
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(errno, "pipe2");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// Returns the child's standard input as a file in memory, so that no thread has to write to it.
UniqueFd make_stdin(const std::string& text) {
  UniqueFd fd(::memfd_create("stdin", MFD_CLOEXEC));
  if (!fd) fail(errno, "memfd_create");
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t put = ::write(fd.get(), text.data() + done, text.size() - done);
    if (put < 0) fail(errno, "write");
    done += static_cast<std::size_t>(put);
  }
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) fail(errno, "lseek");
  return fd;
}

std::vector<std::string> make_environment(const std::map<std::string, std::string>& wanted) {
  std::map<std::string, std::string> all;
  for (const char* name : {"PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS",
                           "UBSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) all[name] = value;
  }
  for (const auto& [name, value] : wanted) all[name] = value;
  std::vector<std::string> entries;
  for (const auto& [name, value] : all) {
    entries.push_back(name);
    entries.back().append("=").append(value);
  }
  return entries;
}

/// Returns pointers for execve(). `strings` keeps the ownership.
std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& string : strings) result.push_back(string.data());
  result.push_back(nullptr);
  return result;
}

/// Runs in the child between fork() and exec, with system calls only, because after a fork of a
/// program with threads even allocation is unsafe. Writes the errno of an error to `report`, which
/// a successful execvp() closes.
[[noreturn]] void become(char* const* argv, char** environment, const char* directory,
                         const std::array<int, 3>& streams, int report, pid_t parent) {
  const auto try_all = [&] {
    // A process group of its own, so that children of the child can be killed with it.
    if (::setpgid(0, 0) != 0) return;
    // If the test is killed, no destructor runs; this signal then ends the child, though not its
    // own children. The kernel sends it when the thread that started the child ends, so that thread
    // must outlive the Process.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) return;
    for (int stream = 0; stream < 3; ++stream) {
      if (::dup2(streams[static_cast<std::size_t>(stream)], stream) < 0) return;
    }
    if (directory != nullptr && ::chdir(directory) != 0) return;
    for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    if (::sigprocmask(SIG_SETMASK, &none, nullptr) != 0) return;
    ::environ = environment;
    ::execvp(argv[0], argv);  // searches PATH for a program without a slash, such as curl
  };
  try_all();
  const int code = errno;
  (void)!::write(report, &code, sizeof code);
  ::_exit(127);
}

}  // namespace

/// Captures one stream of the child on a thread, until its end.
struct Process::Capture {
  explicit Capture(UniqueFd fd) : fd_(std::move(fd)), reader_([this] { read(); }) {}
  ~Capture() { join(); }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  void join() {
    if (reader_.joinable()) reader_.join();
  }

  std::string text() const {
    const MutexLock lock(mutex_);
    return text_;
  }

  std::string wait_for_line(const std::string& wanted, std::chrono::seconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    std::size_t begin = 0;
    const MutexLock lock(mutex_);
    while (true) {
      for (std::size_t end; (end = text_.find('\n', begin)) != std::string::npos; begin = end + 1) {
        std::string line = text_.substr(begin, end - begin);
        if (line.find(wanted) != std::string::npos) return line;
      }
      if (ended_ || !grown_.wait_until(mutex_, deadline)) {
        // The last line may lack a newline.
        std::string rest = text_.substr(begin);
        return ended_ && rest.find(wanted) != std::string::npos ? rest : std::string();
      }
    }
  }

  bool wait_for(const std::function<bool(const std::string&)>& holds, std::chrono::seconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    const MutexLock lock(mutex_);
    while (!holds(text_))
      if (ended_ || !grown_.wait_until(mutex_, deadline)) return holds(text_);
    return true;
  }

 private:
  void read() {
    std::array<char, 16384> buffer{};
    while (true) {
      const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      const MutexLock lock(mutex_);
      if (got > 0)
        text_.append(buffer.data(), static_cast<std::size_t>(got));
      else
        ended_ = true;
      grown_.notify_all();
      if (ended_) return;
    }
  }

  UniqueFd fd_;
  mutable Mutex mutex_;
  CondVar grown_;
  std::string text_ SLUICE_GUARDED_BY(mutex_);
  bool ended_ SLUICE_GUARDED_BY(mutex_) = false;
  std::thread reader_;  // last: it uses all members above
};

Process::Process(const Options& options) {
  if (options.argv.empty()) throw std::invalid_argument("a process without argv");
  const UniqueFd in = make_stdin(options.stdin_text);
  Pipe out = make_pipe();
  Pipe err = make_pipe();

  Pipe report = make_pipe();
  std::vector<std::string> argv = options.argv;
  std::vector<std::string> environment = make_environment(options.env);
  const std::vector<char*> argv_pointers = pointers(argv);
  std::vector<char*> environment_pointers = pointers(environment);
  const char* directory = options.directory.empty() ? nullptr : options.directory.c_str();
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) fail(errno, "fork");
  if (pid_ == 0) {
    become(argv_pointers.data(), environment_pointers.data(), directory,
           {in.get(), out.write.get(), err.write.get()}, report.write.get(), parent);
  }
  report.write.reset();
  int code = 0;
  ssize_t got = 0;
  do {
    got = ::read(report.read.get(), &code, sizeof code);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    ::waitpid(pid_, nullptr, 0);
    fail(code, argv[0]);
  }
  out.write.reset();
  err.write.reset();
  out_ = std::make_unique<Capture>(std::move(out.read));
  err_ = std::make_unique<Capture>(std::move(err.read));
}

Process::~Process() {
  if (status_) return;
  ::kill(-pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

void Process::signal(int signal_number) {
  // After the child was reaped, its pid may belong to another process.
  if (!status_) ::kill(pid_, signal_number);
}

void Process::stop() {
  signal(SIGSTOP);
  siginfo_t stopped{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &stopped, WSTOPPED | WEXITED | WNOWAIT) < 0)
    if (errno != EINTR) fail(errno, "waitid");
}

std::string Process::wait_for_line(const std::string& text, std::chrono::seconds limit) {
  return out_->wait_for_line(text, limit);
}

bool Process::wait_for_out(const std::function<bool(const std::string&)>& holds,
                           std::chrono::seconds limit) {
  return out_->wait_for(holds, limit);
}

int Process::wait(std::chrono::seconds limit) {
  if (status_) return *status_;

  const UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!ended) fail(errno, "pidfd_open");
  const auto deadline = std::chrono::steady_clock::now() + limit;
  pollfd event{ended.get(), POLLIN, 0};
  int ready = 0;
  do {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    ready = ::poll(&event, 1, static_cast<int>(std::max<long long>(left.count(), 0)));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) {
    ADD_FAILURE() << "process " << pid_ << " still ran after " << limit.count()
                  << " s and was killed; it had written:\n"
                  << out() << err();
    ::kill(-pid_, SIGKILL);
  }

  int status = 0;
  rusage usage{};
  while (::wait4(pid_, &status, 0, &usage) < 0) {
    if (errno != EINTR) fail(errno, "wait4");
  }
  status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  // Linux includes the time before execve(), when the child was a copy of this test: the result is
  // never below the test's own resident set.
  peak_memory_ = static_cast<std::size_t>(usage.ru_maxrss) * 1024;
  // A child that it left behind would keep the pipes open.
  ::kill(-pid_, SIGKILL);
  out_->join();
  err_->join();
  // Not "ThreadSanitizer: Matched 3 suppressions".
  for (const std::string& text : {out(), err()})
    for (const char* const report : {"WARNING: ThreadSanitizer: ", "ERROR: AddressSanitizer: ",
                                     "ERROR: LeakSanitizer: ", "runtime error: "})
      if (text.find(report) != std::string::npos)
        ADD_FAILURE() << "a sanitizer reports an error of process " << pid_ << ":\n" << text;
  return *status_;
}

std::string Process::out() const {
  return out_->text();
}
std::string Process::err() const {
  return err_->text();
}

Finished run(const Process::Options& options, std::chrono::seconds limit) {
  Process process(options);
  Finished finished;
  finished.status = process.wait(limit);
  finished.out = process.out();
  finished.err = process.err();
  finished.peak_memory = process.peak_memory();
  return finished;
}

}  // namespace sluice::test
