#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"

/// The digests of a whole file that people can ask for besides XXH128, which is always there. Pure
/// functions, any thread.
namespace sluice {

enum class DigestKind { md5, sha256 };

/// "md5" or "sha256", as the command line, journals and receipts write it.
const char* to_string(DigestKind kind);
/// Hexadecimal digits of such a digest: 32 or 64.
std::size_t hex_digits(DigestKind kind);

/// "md5,sha256": names with commas between, in any order, each once or more often. Empty for an
/// empty text. Error usage for a name that is none, quoting it.
Result<std::vector<DigestKind>> parse_digests(std::string_view text);
/// The same text again: "md5,sha256", or nothing.
std::string to_string(const std::vector<DigestKind>& kinds);

}  // namespace sluice
