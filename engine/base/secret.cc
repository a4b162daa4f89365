#include "engine/base/secret.h"

#include <cstring>

namespace sluice {

std::string Secret::redact(std::string text) const {
  if (value_.empty()) return text;
  static constexpr char mark[] = "[token]";
  for (std::size_t at = text.find(value_); at != std::string::npos; at = text.find(value_, at)) {
    text.replace(at, value_.size(), mark);
    at += sizeof mark - 1;
  }
  return text;
}

void Secret::take(std::string& other) noexcept {
  wipe(value_);
  value_.swap(other);
  // swap() copies a short string (SSO), so its bytes are still in `other`.
  other.resize(other.capacity());
  wipe(other);
  other.clear();
}

void Secret::wipe(std::string& text) {
  explicit_bzero(text.data(), text.size());
}

}  // namespace sluice
