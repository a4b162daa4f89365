#include "tools/sluice/tokens/token_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "io/local_file.h"
#include "io/unique_fd.h"
#include "tools/sluice/config/address.h"
#include "tools/sluice/tokens/token_store.h"
#include "tools/sluice/tokens/token_text.h"

namespace sluice::cli {
namespace {

/// The maximum size of a token file. Tokens have some tens of bytes; a larger file was given by
/// mistake.
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
      return Error{
          ErrorKind::usage,
          fmt::format("cannot read the token from {}: the text is longer than {} bytes, "
                      "and no token is that long; give a file that contains only the token",
                      what, most_bytes)};
  }
}

/// Returns the absolute path of `file` for a later run; empty for a pipe, such as <(command): it
/// does not exist later, and reading it would block.
Result<std::string> file_to_remember(const std::string& file) {
  std::error_code code;
  if (file == "-" || !std::filesystem::is_regular_file(file, code)) return std::string();
  auto path = absolute_path(file);
  if (path) return path;
  Error error = std::move(path).error();
  error.kind = ErrorKind::usage;
  error.message = printable(error.message);
  return error;
}

/// Returns the modification time of a file in seconds; nothing if it is not accessible, or for "".
std::optional<WallTime> written_at(const std::string& file) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0) return {};
  return WallTime(std::chrono::seconds(facts.st_mtim.tv_sec));
}

Error no_token(const TokenSearch& search) {
  return Error{
      ErrorKind::usage,
      fmt::format("no token for dataset {} of {}: get a token from the dataset's edit page "
                  "('Get token for command line tools'), and store it with: {} (or use "
                  "{}--token-file)",
                  search.dataset, printable(search.system),
                  token_add_command(search.system, search.dataset),
                  search.environment == EnvironmentToken::ignored ? "" : "SLUICE_TOKEN or ")};
}

}  // namespace

Result<FoundToken> find_token(const TokenSearch& search) {
  if (!search.token_file.empty()) return read_token(search.token_file, search.allowed);
  const std::optional<StoredToken> stored =
      TokenStore(TokenStore::default_directory()).find(search.system, search.dataset);
  const auto read_stored = [&]() -> Result<FoundToken> {
    std::error_code code;
    const auto kind = std::filesystem::status(stored->file, code).type();
    // Reading a FIFO blocks until a writer opens it. That is intended only for --token-file.
    if (kind != std::filesystem::file_type::regular && kind != std::filesystem::file_type::none)
      return Error{
          ErrorKind::usage,
          fmt::format("cannot read the stored token {}: it is not a regular file; store "
                      "the token again with: {}",
                      printable(stored->file), token_add_command(search.system, search.dataset))};
    TRY_ASSIGN(FoundToken found, read_token(stored->file, search.allowed));
    found.added = stored->added;
    return found;
  };
  if (const auto written = written_at(search.remembered)) {
    if (stored && (stored->file == search.remembered || stored->added > *written))
      return read_stored();
    return read_token(search.remembered, search.allowed);
  }
  const char* const value =
      search.environment == EnvironmentToken::ignored ? nullptr : std::getenv("SLUICE_TOKEN");
  if (stored && (value == nullptr || search.environment == EnvironmentToken::last))
    return read_stored();
  if (value != nullptr) {
    FoundToken found;
    TRY_ASSIGN(found.token, parse_token(value, "the environment variable SLUICE_TOKEN"));
    return found;
  }
  // The file does not exist; reading it gives the error message.
  if (!search.remembered.empty()) return read_token(search.remembered, search.allowed);
  return no_token(search);
}

Result<FoundToken> read_token(const std::string& token_file, TokenFileMode allowed) {
  FoundToken found;
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
  TRY_ASSIGN(found.warning, check_token_rights(rights, token_file, allowed));
  TRY_ASSIGN(std::string text, read_all(fd.get(), file));
  TRY_ASSIGN(found.token, parse_token(std::move(text), "the token file " + file));
  TRY_ASSIGN(found.file, file_to_remember(token_file));
  return found;
}

std::string token_add_command(const std::string& system, const std::string& dataset) {
  return fmt::format("sluice token add{} {}", system_argument(system), dataset);
}

Result<void> check_token_wait(const std::string& token_wait, const FoundToken& found,
                              const TokenSearch& search) {
  if (token_wait.empty() || !found.file.empty()) return {};
  // An invalid duration is reported by the check of the option.
  if (const auto wait = parse_duration(token_wait); !wait || wait->count() == 0) return {};
  return Error{ErrorKind::usage,
               fmt::format("cannot use --token-wait: the token for dataset {} was not read from a "
                           "file, in which sluice could look for a new token; store the token "
                           "with: {} (or use --token-file PATH)",
                           search.dataset, token_add_command(search.system, search.dataset))};
}

}  // namespace sluice::cli
