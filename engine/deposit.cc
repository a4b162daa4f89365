#include "engine/deposit.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/text.h"

namespace sluice {

Result<void> check_dataset_key(std::string_view key) {
  if (key.empty())
    return Error{ErrorKind::usage,
                 "the dataset key is empty; it is shown on the dataset's edit page, for example "
                 "IDB-1234567"};
  const bool plain = std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (!plain || key.size() > 64)
    return Error{
        ErrorKind::usage,
        fmt::format("'{}' is not a dataset key: it has letters, digits, '-' and '_' only, 64 "
                    "at most, for example IDB-1234567",
                    printable(key.substr(0, 100)))};
  return {};
}

Result<void> check_deposit_name(std::string_view name) {
  const auto refuse = [&](const char* why) {
    return Error{ErrorKind::usage,
                 fmt::format("'{}' cannot be the name of a deposited file: {}; choose another with "
                             "--name",
                             printable(name.substr(0, 300)), why)};
  };
  if (name.empty()) return refuse("it is empty");
  if (name == "." || name == "..") return refuse("it names a directory");
  if (name.size() > 255) return refuse("it is longer than 255 bytes");
  if (name.find('/') != name.npos)
    return refuse("it holds a slash, and the Data Bank takes base names only");
  if (!is_utf8(name)) return refuse("it is not valid UTF-8");
  if (std::any_of(name.begin(), name.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
    return refuse("it holds a control character");
  return {};
}

Result<void> check_file_size(const std::string& path, std::uint64_t size) {
  if (size <= max_file_size) return {};
  return Error{
      ErrorKind::local_file,
      fmt::format("{} has {} bytes, and the Data Bank takes files up to {} bytes (2 TB); split "
                  "it or compress it",
                  printable(path), size, max_file_size)};
}

Result<void> check_token(std::string_view token) {
  if (token.empty())
    return Error{
        ErrorKind::usage,
        "the token is empty; get one on the dataset's edit page, under 'Get token for command "
        "line tools'"};
  const bool plain = std::all_of(token.begin(), token.end(), [](char c) {
    return c > 0x20 && c < 0x7F && c != '"' && c != ',';
  });
  if (!plain || token.size() > 4096)
    return Error{ErrorKind::usage,
                 "the token holds characters that no token has (white space, quotes, control "
                 "characters), or is longer than 4096; copy it again from the dataset's edit page"};
  return {};
}

}  // namespace sluice
