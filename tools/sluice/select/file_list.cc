#include "tools/sluice/select/file_list.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "engine/base/text.h"
#include "io/unique_fd.h"

namespace sluice::cli {

Result<std::vector<std::string>> parse_file_list(std::string_view text, bool null_separated,
                                                 const std::string& name) {
  std::vector<std::string> paths;
  if (!null_separated && text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const char separator = null_separated ? '\0' : '\n';
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = text.find(separator);
    std::string_view path = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (!null_separated && path.ends_with('\r')) path.remove_suffix(1);
    if (path.find('\0') != path.npos)
      return Error{ErrorKind::usage,
                   fmt::format("--files-from: line {} of {} contains a NUL byte; for a list whose "
                               "paths end with NUL (find -print0), add --null",
                               line, printable(name))};
    if (!path.empty()) paths.emplace_back(path);
  }
  return paths;
}

Result<std::string> read_whole(const std::string& source, const char* option) {
  const bool standard_input = source == "-";
  const auto failed = [&](int code) {
    return errno_error(ErrorKind::usage, code,
                       fmt::format("{}: cannot read {}", option,
                                   standard_input ? "standard input" : printable(source)));
  };
  UniqueFd file;
  if (!standard_input) {
    file = UniqueFd(::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file) return failed(errno);
  }
  const int fd = standard_input ? STDIN_FILENO : file.get();
  std::string text;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(errno);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

Result<std::vector<std::string>> read_file_list(const std::string& source, bool null_separated) {
  TRY_ASSIGN(const std::string text, read_whole(source, "--files-from"));
  return parse_file_list(text, null_separated, source == "-" ? "standard input" : source);
}

}  // namespace sluice::cli
