#include "tools/sluice/tokens/token_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "engine/text.h"
#include "io/local_file.h"
#include "io/unique_fd.h"
#include "tools/sluice/tokens/token_text.h"

namespace sluice::cli {
namespace {

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
      return Error{ErrorKind::usage,
                   fmt::format("cannot read the token from {}: the text is longer than {} bytes, "
                               "and no token is that long",
                               what, most_bytes)};
  }
}

}  // namespace

Result<FoundToken> read_token(const std::string& token_file, TokenFileMode allowed) {
  FoundToken found;
  if (token_file.empty()) {
    const char* const value = std::getenv("SLUICE_TOKEN");
    if (value == nullptr)
      return Error{
          ErrorKind::usage,
          "no token given: set the environment variable SLUICE_TOKEN, or name a file with "
          "--token-file; get a token from the dataset's edit page ('Get token for command line "
          "tools')"};
    TRY_ASSIGN(found.token, parse_token(value, "the environment variable SLUICE_TOKEN"));
    return found;
  }
  if (token_file == "-") {
    TRY_ASSIGN(std::string text, read_all(STDIN_FILENO, "standard input"));
    TRY_ASSIGN(found.token, parse_token(std::move(text), "standard input"));
    return found;
  }

  const std::string file = printable(token_file);
  const UniqueFd fd(::open(token_file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0)
    return errno_error(ErrorKind::usage, errno, "cannot open the token file " + file);
  if (S_ISDIR(status.st_mode))
    return errno_error(ErrorKind::usage, EISDIR, "cannot read the token file " + file);
  TRY_ASSIGN(const TokenRights rights, token_rights(fd.get(), token_file));
  TRY_ASSIGN(found.warning, judge(rights, token_file, allowed));
  TRY_ASSIGN(std::string text, read_all(fd.get(), file));
  TRY_ASSIGN(found.token, parse_token(std::move(text), "the token file " + file));
  return found;
}

Result<std::string> remembered_token_file(const std::string& token_file) {
  // A pipe, as <(command) makes one, is another one later, and would keep a reader waiting.
  std::error_code code;
  if (token_file.empty() || token_file == "-" ||
      !std::filesystem::is_regular_file(token_file, code))
    return std::string();
  auto path = absolute_path(token_file);
  if (path) return path;
  Error error = std::move(path).error();
  error.kind = ErrorKind::usage;
  error.message = printable(error.message);
  return error;
}

}  // namespace sluice::cli
