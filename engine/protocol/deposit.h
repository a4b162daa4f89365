#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/result.h"

/// Checks of dataset keys, names, sizes and tokens that need no server. Pure functions, any thread.
/// Each error is of kind `usage`, except that of check_file_size().
namespace sluice {

/// The largest file in bytes, inclusive: 2 TiB (specification, "setup").
inline constexpr std::uint64_t max_file_size = 2199023255552;

/// Accepts 1 to 64 letters, digits, '-' and '_', for example IDB-1234567 or TESTIDB-1234567. Other
/// characters are refused because the key becomes a part of the URL.
Result<void> check_dataset_key(std::string_view key);

/// Accepts a base name of 1 to 255 bytes: valid UTF-8, without '/' and control characters, and not
/// "." or "..". The server uses the name as a path (protocol section 1.9).
Result<void> check_deposit_name(std::string_view name);
/// Returns why check_deposit_name() refuses `name`, as the end of a sentence whose subject is the
/// name, for example "contains a slash". Returns null for a valid name.
const char* problem_of_deposit_name(std::string_view name);

/// Accepts `size` bytes up to max_file_size. The error is of kind `local_file` and names `path`.
Result<void> check_file_size(const std::string& path, std::uint64_t size);

/// Accepts 1 to 4096 visible ASCII characters other than '"' and ','; the token is sent in a
/// header. The error does not repeat the token.
Result<void> check_token(std::string_view token);

}  // namespace sluice
