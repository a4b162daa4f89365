#include "engine/digest/digest_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "engine/base/text.h"

namespace sluice {

const char* to_string(DigestKind kind) {
  switch (kind) {
    case DigestKind::md5:
      return "md5";
    case DigestKind::sha256:
      return "sha256";
  }
  return "md5";
}

std::size_t hex_digits(DigestKind kind) {
  return kind == DigestKind::md5 ? 32 : 64;
}

Result<std::vector<DigestKind>> parse_digests(std::string_view text) {
  std::vector<DigestKind> kinds;
  if (text.empty()) return kinds;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view name = text.substr(0, comma);
    std::optional<DigestKind> kind;
    for (const DigestKind known : {DigestKind::md5, DigestKind::sha256})
      if (name == to_string(known)) kind = known;
    if (!kind)
      return Error{
          ErrorKind::usage,
          fmt::format("'{}' is not a digest: give md5, sha256 or md5,sha256 (xxh128 is always "
                      "computed)",
                      printable(name))};
    if (std::find(kinds.begin(), kinds.end(), *kind) == kinds.end()) kinds.push_back(*kind);
    if (comma == std::string_view::npos) return kinds;
    text.remove_prefix(comma + 1);
  }
}

std::string to_string(const std::vector<DigestKind>& kinds) {
  std::string text;
  for (const DigestKind kind : kinds) {
    if (!text.empty()) text += ',';
    text += to_string(kind);
  }
  return text;
}

}  // namespace sluice
