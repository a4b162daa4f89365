#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/result.h"

/// What may be deposited where: the rules for dataset keys, names and sizes that are known before
/// any server is asked. Pure functions, any thread; every error is of kind usage, but for too large
/// a file.
namespace sluice {

/// The most bytes a file may have, itself included (specification, "setup"): 2 TiB.
inline constexpr std::uint64_t max_file_size = 2199023255552;

/// Keys look like IDB-1234567 or TESTIDB-1234567; they become a part of the URL, so anything but
/// letters, digits, '-' and '_' is refused, and more than 64 of them.
Result<void> check_dataset_key(std::string_view key);

/// The server uses the name as a path (protocol section 1.9): a base name of 1 to 255 bytes, valid
/// UTF-8, without '/' and control characters, and not "." or "..".
Result<void> check_deposit_name(std::string_view name);
/// Why check_deposit_name() refuses the name, as the end of a sentence whose subject is the name:
/// "contains a slash". Null for a name that may be used.
const char* problem_of_deposit_name(std::string_view name);

/// Error local_file, naming `path`, for more than max_file_size bytes.
Result<void> check_file_size(const std::string& path, std::uint64_t size);

/// Tokens travel in a header: 1 to 4096 visible ASCII characters without quotes. The error does not
/// repeat the token.
Result<void> check_token(std::string_view token);

}  // namespace sluice
