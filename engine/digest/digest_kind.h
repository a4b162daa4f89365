#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"

/// The optional digests of a whole file. XXH128 is always computed in addition. Pure functions, any
/// thread.
namespace sluice {

enum class DigestKind { md5, sha256 };

/// Returns "md5" or "sha256", the name on the command line, in journals and in receipts.
const char* to_string(DigestKind kind);
/// Returns the number of hexadecimal digits of the digest: 32 or 64.
std::size_t hex_digits(DigestKind kind);

/// Parses a list of names separated by commas, in any order, such as "md5,sha256". Drops repeated
/// names and keeps the order. Returns an empty list for an empty text. Error usage, which quotes
/// the unknown name.
Result<std::vector<DigestKind>> parse_digests(std::string_view text);
/// Returns the text that parse_digests() reads, such as "md5,sha256"; empty for an empty list.
std::string to_string(const std::vector<DigestKind>& kinds);

}  // namespace sluice
