#include "engine/protocol/deposit.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/text.h"

namespace sluice {

Result<void> check_dataset_key(std::string_view key) {
  if (key.empty())
    return Error{ErrorKind::usage,
                 "the dataset key is empty; give the key from the dataset's edit page, for example "
                 "IDB-1234567"};
  const bool plain = std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (!plain || key.size() > 64)
    return Error{
        ErrorKind::usage,
        fmt::format(
            "'{}' is not a dataset key: a key consists of at most 64 letters, digits, '-' and "
            "'_'; example: IDB-1234567",
            printable(key.substr(0, 100)))};
  return {};
}

const char* problem_of_deposit_name(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name == "." || name == "..") return "is the name of a directory";
  if (name.size() > 255) return "is longer than 255 bytes";
  if (name.find('/') != name.npos) return "contains a slash";
  if (!is_utf8(name)) return "is not valid UTF-8";
  if (std::any_of(name.begin(), name.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
    return "contains a control character";
  return nullptr;
}

Result<void> check_deposit_name(std::string_view name) {
  const char* const problem = problem_of_deposit_name(name);
  if (problem == nullptr) return {};
  return Error{
      ErrorKind::usage,
      fmt::format("cannot use '{}' as the name in the dataset: the name {}; choose another "
                  "name with --name",
                  printable(name.substr(0, 300)), problem)};
}

Result<void> check_file_size(const std::string& path, std::uint64_t size) {
  if (size <= max_file_size) return {};
  return Error{
      ErrorKind::local_file,
      fmt::format("cannot upload {}: the file has {} bytes, and the Data Bank accepts at most {} "
                  "bytes (2 TiB); split or compress the file",
                  printable(path), size, max_file_size)};
}

Result<void> check_token(std::string_view token) {
  if (token.empty())
    return Error{
        ErrorKind::usage,
        "the token is empty; get a token from the dataset's edit page ('Get token for command line "
        "tools')"};
  const bool plain = std::all_of(token.begin(), token.end(), [](char c) {
    return c > 0x20 && c < 0x7F && c != '"' && c != ',';
  });
  if (!plain || token.size() > 4096)
    return Error{ErrorKind::usage,
                 "the token is invalid: it contains white space, a quote, a comma, or a control or "
                 "non-ASCII character, or is longer than 4096 bytes; copy the token again from the "
                 "dataset's edit page"};
  return {};
}

}  // namespace sluice
