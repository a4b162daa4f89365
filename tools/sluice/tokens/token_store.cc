#include "tools/sluice/tokens/token_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <tuple>
#include <utility>

#include "engine/base/text.h"
#include "engine/protocol/deposit.h"
#include "io/replace_file.h"
#include "io/unique_fd.h"
#include "tools/sluice/tokens/token_rights.h"

namespace sluice::cli {
namespace {

constexpr std::string_view https = "https://";
constexpr std::string_view http = "http://";
/// The prefix of the host for http. Unambiguous, because '+' in a host is encoded as %2B.
constexpr std::string_view http_prefix = "http+";

std::string absolute_from(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && value[0] == '/' ? value : "";
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == ':' || c == '-' || c == '_' || c == '[' || c == ']';
}

std::string encoded(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (is_plain(c))
      result += c;
    else
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    if (text.front() != '%') {
      result += text.front();
      text.remove_prefix(1);
      continue;
    }
    constexpr std::string_view digits = "0123456789ABCDEF";
    if (text.size() < 3) return {};
    const std::size_t high = digits.find(text[1]);
    const std::size_t low = digits.find(text[2]);
    if (high == digits.npos || low == digits.npos) return {};
    result += static_cast<char>(high * 16 + low);
    text.remove_prefix(3);
  }
  return result;
}

WallTime written_at(const struct stat& facts) {
  return WallTime(std::chrono::seconds(facts.st_mtim.tv_sec));
}

Error store_error(int code, const std::string& what) {
  Error error = errno_error(ErrorKind::local_file, code, what);
  error.message += "; check the permissions, or set XDG_CONFIG_HOME to another directory";
  return error;
}

}  // namespace

std::string token_file_name(const std::string& system, const std::string& dataset) {
  if (system.starts_with(https))
    return dataset + '@' + encoded(std::string_view(system).substr(https.size()));
  std::string_view rest = system;
  if (rest.starts_with(http)) rest.remove_prefix(http.size());
  return dataset + '@' + std::string(http_prefix) + encoded(rest);
}

std::optional<TokenFileName> parse_token_file_name(std::string_view name) {
  const std::size_t at = name.find('@');
  if (at == name.npos) return {};
  const std::string_view dataset = name.substr(0, at);
  std::string_view system = name.substr(at + 1);
  const bool plain = system.starts_with(http_prefix);
  if (plain) system.remove_prefix(http_prefix.size());
  const auto address = decoded(system);
  if (!address || address->empty() || !check_dataset_key(dataset)) return {};
  TokenFileName parsed{std::string(plain ? http : https) + *address, std::string(dataset)};
  // Accept only the canonical encoding, so that each token has one name: not "%41" for "A".
  if (token_file_name(parsed.system, parsed.dataset) != name) return {};
  return parsed;
}

std::string TokenStore::default_directory() {
  if (const std::string config = absolute_from("XDG_CONFIG_HOME"); !config.empty())
    return config + "/sluice/tokens";
  if (const std::string home = absolute_from("HOME"); !home.empty())
    return home + "/.config/sluice/tokens";
  return {};
}

std::string TokenStore::file_of(const std::string& system, const std::string& dataset) const {
  return directory_.empty() ? std::string() : directory_ + '/' + token_file_name(system, dataset);
}

Result<void> TokenStore::make_directory() const {
  if (directory_.empty())
    return Error{ErrorKind::usage,
                 "cannot find the directory of the tokens: neither XDG_CONFIG_HOME nor HOME is an "
                 "absolute path; set XDG_CONFIG_HOME"};
  std::filesystem::path path;
  for (const std::filesystem::path& part : std::filesystem::path(directory_)) {
    path /= part;
    // For an existing directory, mkdir may fail with other errors than EEXIST (read-only, no
    // permission).
    if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) continue;
    const int code = errno;
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode))
      return store_error(code, "cannot create the directory " + printable(path.string()));
  }
  const UniqueFd fd(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat facts {};
  if (!fd || ::fstat(fd.get(), &facts) != 0)
    return store_error(errno, "cannot open the directory " + printable(directory_));
  if (facts.st_uid != ::geteuid())
    return Error{ErrorKind::local_file,
                 fmt::format("cannot store the token in {}: the directory belongs to another user "
                             "({}); set XDG_CONFIG_HOME to a directory of your own",
                             printable(directory_), facts.st_uid)};
  // If that fails, the mode of the file still protects the token.
  if ((facts.st_mode & 077) != 0) static_cast<void>(::fchmod(fd.get(), 0700));
  return {};
}

Result<std::string> TokenStore::add(const std::string& system, const std::string& dataset,
                                    const Secret& token) const {
  TRY(make_directory());
  const std::string file = file_of(system, dataset);
  if (token_file_name(system, dataset).size() > NAME_MAX)
    return Error{ErrorKind::usage,
                 fmt::format("cannot store a token for {}: the address is too long for the name of "
                             "a file; use --token-file",
                             printable(system))};
  std::string text = token.reveal() + '\n';
  const Result<void> written = write_whole_file(file, text, S_IRUSR | S_IWUSR);
  Secret::wipe(text);
  TRY(written);
  // Some file systems do not store modes.
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return store_error(errno, "cannot open the token file " + printable(file));
  TRY_ASSIGN(const TokenRights rights, token_rights(fd.get(), file));
  return check_token_rights(rights, file, TokenFileMode::any);
}

Result<bool> TokenStore::remove(const std::string& system, const std::string& dataset) const {
  const std::string file = file_of(system, dataset);
  if (file.empty()) return false;
  if (::unlink(file.c_str()) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) return false;
  return store_error(errno, "cannot delete the token file " + printable(file));
}

Result<std::vector<StoredToken>> TokenStore::list() const {
  std::vector<StoredToken> tokens;
  if (directory_.empty()) return tokens;
  struct Close {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  const std::unique_ptr<DIR, Close> directory(::opendir(directory_.c_str()));
  if (!directory && (errno == ENOENT || errno == ENOTDIR)) return tokens;
  if (!directory)
    return store_error(errno, "cannot read the directory of the tokens " + printable(directory_));
  while (const dirent* const entry = ::readdir(directory.get())) {
    const auto name = parse_token_file_name(entry->d_name);
    if (!name) continue;
    if (auto token = find(name->system, name->dataset)) tokens.push_back(*std::move(token));
  }
  std::sort(tokens.begin(), tokens.end(), [](const StoredToken& a, const StoredToken& b) {
    return std::tie(a.dataset, a.system) < std::tie(b.dataset, b.system);
  });
  return tokens;
}

std::optional<StoredToken> TokenStore::find(const std::string& system,
                                            const std::string& dataset) const {
  StoredToken token{system, dataset, file_of(system, dataset), {}};
  struct stat facts {};
  if (token.file.empty()) return {};
  if (::stat(token.file.c_str(), &facts) == 0)
    token.added = written_at(facts);
  else if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG)
    return {};
  return token;
}

}  // namespace sluice::cli
