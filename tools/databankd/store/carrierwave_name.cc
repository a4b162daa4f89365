#include "tools/databankd/store/carrierwave_name.h"

#include <utf8proc.h>

namespace sluice::databankd {
namespace {

/// Returns whether Ruby's [:word:] matches.
bool is_word(utf8proc_int32_t character) {
  switch (utf8proc_category(character)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return false;
  }
}

/// Like Ruby's File.basename, ignores trailing slashes.
std::string_view base_name(std::string_view path) {
  while (path.size() > 1 && (path.ends_with('/') || path.ends_with('\\'))) path.remove_suffix(1);
  const std::size_t slash = path.find_last_of("/\\");
  return path.size() < 2 || slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

std::string carrierwave_name(std::string_view name) {
  name = base_name(name);
  std::string changed;
  while (!name.empty()) {
    utf8proc_int32_t character = -1;
    const utf8proc_ssize_t size =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(name.data()),
                         static_cast<utf8proc_ssize_t>(name.size()), &character);
    const std::size_t length = size > 0 ? static_cast<std::size_t>(size) : 1;
    const bool stays = size > 0 && (is_word(character) || character == '.' || character == '-' ||
                                    character == '+');
    changed += stays ? name.substr(0, length) : "_";
    name.remove_prefix(length);
  }
  if (changed.empty()) return "unnamed";
  if (changed.find_first_not_of('.') == std::string::npos) return "_" + changed;
  return changed;
}

}  // namespace sluice::databankd
