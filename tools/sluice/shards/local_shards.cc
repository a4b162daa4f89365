#include "tools/sluice/shards/local_shards.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <utility>

#include "engine/base/text.h"
#include "io/unique_fd.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/process/stop.h"

namespace sluice::cli {
namespace {

/// Calls async-signal-safe functions only, as required after fork() (signal-safety(7)).
[[noreturn]] void become_shard(int log, char* const* words, pid_t parent) {
  // Ctrl-C then reaches only the parent, which forwards it once.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  const int input = ::open("/dev/null", O_RDONLY);
  if (input < 0 || ::dup2(input, 0) < 0 || ::dup2(log, 1) < 0 || ::dup2(log, 2) < 0) ::_exit(126);
  ::execv(words[0], words);
  ::_exit(127);
}

class ShardProcesses {
 public:
  ShardProcesses(const ShardDirectory& directory, std::vector<std::string> words,
                 const OnShardEnd& on_end)
      : directory_(directory), words_(std::move(words)), on_end_(on_end) {}

  Result<void> start(std::size_t shard) {
    std::vector<std::string> copies = words_;
    copies.push_back(directory_.manifest_of(shard));
    std::vector<char*> arguments;
    arguments.reserve(copies.size() + 1);
    for (std::string& word : copies) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const std::string path = directory_.log_of(shard);
    const UniqueFd log(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (!log)
      return errno_error(ErrorKind::local_file, errno,
                         fmt::format("cannot write the log {}", printable(path)));
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) return errno_error(ErrorKind::failed, errno, "cannot start a process");
    if (child == 0) become_shard(log.get(), arguments.data(), parent);
    running_.emplace(child, shard);
    return {};
  }

  void stop() {
    if (std::exchange(stopped_, true)) return;
    for (const auto& [child, shard] : running_) ::kill(child, SIGTERM);
  }

  int wait() {
    int worst = 0;
    while (!running_.empty()) {
      if (stop_signal() != 0) stop();
      int status = 0;
      // Polls: a blocking waitpid() could miss a stop signal that arrives just before the call.
      const pid_t child = ::waitpid(-1, &status, WNOHANG);
      if (child == 0) {
        ::usleep(50'000);
        continue;
      }
      if (child < 0) break;
      const auto found = running_.find(child);
      if (found == running_.end()) continue;
      const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      report_end(found->second, code);
      worst = worse_code(worst, code);
      running_.erase(found);
    }
    return worst;
  }

 private:
  void report_end(std::size_t shard, int code) {
    const std::size_t shards = directory_.facts().shards;
    on_end_(code == 0 ? fmt::format("shard {} of {} is registered", shard, shards)
                      : fmt::format("shard {} of {} ended with exit code {}; its log: {}", shard,
                                    shards, code, printable(directory_.log_of(shard))),
            code == 0);
  }

  const ShardDirectory& directory_;
  const std::vector<std::string> words_;
  const OnShardEnd& on_end_;
  std::map<pid_t, std::size_t> running_;
  bool stopped_ = false;
};

}  // namespace

Result<int> run_local_shards(const ShardDirectory& directory, const std::string& sluice,
                             const std::vector<std::string>& arguments, const OnShardEnd& on_end) {
  std::vector<std::string> words{sluice, "run"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  ShardProcesses processes(directory, std::move(words), on_end);
  Result<void> started;
  for (std::size_t shard = 1; started && shard <= directory.facts().shards; ++shard)
    if (stop_signal() == 0) started = processes.start(shard);
  if (!started) processes.stop();
  const int code = processes.wait();
  TRY(std::move(started));
  return code;
}

}  // namespace sluice::cli
