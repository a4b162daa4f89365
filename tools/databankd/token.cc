#include "tools/databankd/token.h"

namespace sluice::databankd {

bool Token::accepts(std::string_view presented, Clock::time_point now) const {
  if (now >= expires_ || presented.size() != value_.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < value_.size(); ++i)
    difference |= static_cast<unsigned char>(presented[i]) ^ static_cast<unsigned char>(value_[i]);
  return difference == 0;
}

std::optional<std::string_view> presented_token(std::string_view authorization) {
  constexpr std::string_view scheme = "Token ";
  constexpr std::string_view parameter = "token=";
  if (!authorization.starts_with(scheme)) return std::nullopt;
  authorization.remove_prefix(scheme.size());
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  if (!authorization.starts_with(parameter)) return std::nullopt;
  authorization.remove_prefix(parameter.size());
  // Further parameters (`, nonce="…"`) are allowed and mean nothing.
  std::string_view token = authorization.substr(0, authorization.find_first_of(",;\t"));
  while (token.ends_with(' ')) token.remove_suffix(1);
  if (token.size() >= 2 && token.starts_with('"') && token.ends_with('"'))
    token = token.substr(1, token.size() - 2);
  if (token.empty()) return std::nullopt;
  return token;
}

}  // namespace sluice::databankd
