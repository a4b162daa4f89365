#include "engine/protocol/stored_names.h"

#include <utf8proc.h>

#include <algorithm>

namespace sluice {
namespace {

/// Returns whether CarrierWave keeps the ASCII character.
bool is_kept_in_ascii(utf8proc_int32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-' || c == '+';
}

/// Returns whether `c` is in [[:word:]] of Ruby's regular expressions.
bool is_word(utf8proc_int32_t c) {
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return false;
  }
}

/// Ruby's File.basename(), with the backslash as the separator.
std::string_view base_name(std::string_view name) {
  const std::size_t last = name.find_last_not_of('\\');
  if (last == name.npos) return name.substr(0, 1);  // only separators: keep one
  name = name.substr(0, last + 1);
  const std::size_t separator = name.rfind('\\');
  return separator == name.npos ? name : name.substr(separator + 1);
}

/// CarrierWave::SanitizedFile#sanitize.
std::string sanitized(std::string_view name, bool (*is_kept)(utf8proc_int32_t)) {
  std::string_view left = base_name(name);
  std::string result;
  while (!left.empty()) {
    utf8proc_int32_t c = 0;
    const auto bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(left.data()),
                                        static_cast<utf8proc_ssize_t>(left.size()), &c);
    const auto length = static_cast<std::size_t>(std::max<utf8proc_ssize_t>(1, bytes));
    if (bytes > 0 && is_kept(c))
      result += left.substr(0, length);
    else
      result += '_';
    left.remove_prefix(length);
  }
  if (result.find_first_not_of('.') == result.npos) result.insert(0, "_");
  return result;
}

}  // namespace

std::vector<std::string> stored_names(std::string_view name) {
  std::vector<std::string> names = {std::string(name)};
  const auto add = [&](std::string changed) {
    if (std::find(names.begin(), names.end(), changed) == names.end())
      names.push_back(std::move(changed));
  };
  add(sanitized(name, [](utf8proc_int32_t c) { return is_kept_in_ascii(c) || is_word(c); }));
  add(sanitized(name, is_kept_in_ascii));
  return names;
}

}  // namespace sluice
