#include "tools/sluice/token_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "engine/deposit.h"
#include "engine/text.h"
#include "io/unique_fd.h"

namespace sluice::cli {
namespace {

Result<Secret> checked(std::string text) {
  static constexpr char space[] = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(space);
  const std::size_t end = text.find_last_not_of(space);
  Secret token(begin == std::string::npos ? std::string() : text.substr(begin, end - begin + 1));
  Secret::wipe(text);
  TRY(check_token(token.reveal()));
  return token;
}

/// Tokens have some tens of bytes: whatever is longer than this is another file, given by mistake.
constexpr std::size_t most_bytes = 8192;

Result<std::string> read_all(int fd, const std::string& what) {
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error(ErrorKind::usage, errno, "cannot read the token from " + what);
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > most_bytes)
      return Error{ErrorKind::usage, fmt::format("{} is too long to be a token", what)};
  }
}

}  // namespace

Result<Secret> read_token(const std::string& token_file) {
  if (token_file.empty()) {
    const char* const value = std::getenv("SLUICE_TOKEN");
    if (value == nullptr)
      return Error{
          ErrorKind::usage,
          "there is no token: put it into the environment variable SLUICE_TOKEN, or into a file "
          "for --token-file; the dataset's edit page has it, under 'Get token for command line "
          "tools'"};
    return checked(value);
  }
  if (token_file == "-") {
    TRY_ASSIGN(std::string text, read_all(STDIN_FILENO, "standard input"));
    return checked(std::move(text));
  }

  const std::string file = printable(token_file);
  const UniqueFd fd(::open(token_file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0)
    return errno_error(ErrorKind::usage, errno, "cannot open the token file " + file);
  if (S_ISDIR(status.st_mode))
    return Error{ErrorKind::usage, fmt::format("the token file {} is a directory", file)};
  if (S_ISREG(status.st_mode) && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return Error{
        ErrorKind::usage,
        fmt::format("the token file {} is open to others (mode {:o}): whoever has the token can "
                    "deposit with it; run chmod 600 on it",
                    file, status.st_mode & 07777)};
  TRY_ASSIGN(std::string text, read_all(fd.get(), file));
  return checked(std::move(text));
}

std::string remembered_token_file(const std::string& token_file) {
  // A pipe, as <(command) makes one, is another one later, and would keep a reader waiting.
  std::error_code error;
  if (token_file.empty() || token_file == "-" ||
      !std::filesystem::is_regular_file(token_file, error))
    return {};
  return std::filesystem::absolute(token_file).lexically_normal().string();
}

}  // namespace sluice::cli
