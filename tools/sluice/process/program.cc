#include "tools/sluice/process/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "engine/base/text.h"
#include "io/unique_fd.h"

namespace sluice::cli {
namespace {

/// Returns the environment of this process without the token.
std::vector<char*> environment_without_token() {
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (!std::string_view(*variable).starts_with("SLUICE_TOKEN=")) variables.push_back(*variable);
  variables.push_back(nullptr);
  return variables;
}

std::string read_to_end(int fd) {
  constexpr std::size_t most = 64 << 10;
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    if (text.size() < most) text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

Result<std::string> program_path() {
  if (const char* const given = std::getenv("SLUICE_PROGRAM"); given != nullptr && *given == '/')
    return std::string(given);
  std::error_code code;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", code);
  if (code)
    return Error{ErrorKind::failed,
                 fmt::format("cannot find the path of this program: cannot read /proc/self/exe: {}",
                             code.message())};
  return path.string();
}

Result<std::string> output_of(const std::vector<std::string>& words) {
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  arguments.reserve(copies.size() + 1);
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<char*> environment = environment_without_token();
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return errno_error(ErrorKind::failed, errno, "cannot make a pipe");
  const UniqueFd out(ends[0]);
  UniqueFd in(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.get(), STDOUT_FILENO);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, words.front().c_str(), &actions, nullptr,
                                    arguments.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  in.reset();
  if (failed != 0)
    return errno_error(ErrorKind::failed, failed,
                       fmt::format("cannot start {}", printable(words.front())));
  std::string text = read_to_end(out.get());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return text;
  return Error{ErrorKind::failed, WIFEXITED(status)
                                      ? fmt::format("{} failed with exit code {}",
                                                    printable(words.front()), WEXITSTATUS(status))
                                      : fmt::format("{} was killed by signal {}",
                                                    printable(words.front()), WTERMSIG(status))};
}

}  // namespace sluice::cli
