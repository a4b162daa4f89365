#include "tools/databankd/store/token.h"

#include <fstream>
#include <system_error>
#include <utility>

namespace sluice::databankd {

bool Token::is(std::string_view presented) const {
  if (presented.size() != value_.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < value_.size(); ++i)
    difference |= static_cast<unsigned char>(presented[i]) ^ static_cast<unsigned char>(value_[i]);
  return difference == 0;
}

DatasetToken::DatasetToken(Options options, Token::Clock::time_point now)
    : options_(std::move(options)), token_(options_.value, now + options_.lifetime) {}

bool DatasetToken::accepts(std::string_view presented, Token::Clock::time_point now) {
  const MutexLock lock(mutex_);
  if (token_.accepts(presented, now)) return true;
  // A pipe was read to its end at the start, or would block.
  std::error_code error;
  if (options_.file.empty() || !std::filesystem::is_regular_file(options_.file, error))
    return false;
  std::optional<std::string> fresh = read_token(options_.file);
  // Empty while another program writes it.
  if (!fresh || fresh->empty() || token_.is(*fresh)) return false;
  token_ = Token(*std::move(fresh), now + options_.lifetime);
  return token_.accepts(presented, now);
}

void DatasetToken::expire() {
  const MutexLock lock(mutex_);
  token_.expire();
}

std::optional<std::string> read_token(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::string token;
  if (!std::getline(stream, token)) return std::nullopt;
  token.erase(token.find_last_not_of(" \t\r\n") + 1);
  return token;
}

std::optional<std::string_view> presented_token(std::string_view authorization) {
  constexpr std::string_view scheme = "Token ";
  constexpr std::string_view parameter = "token=";
  if (!authorization.starts_with(scheme)) return std::nullopt;
  authorization.remove_prefix(scheme.size());
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  if (!authorization.starts_with(parameter)) return std::nullopt;
  authorization.remove_prefix(parameter.size());
  // Ignore other parameters (`, nonce="…"`).
  std::string_view token = authorization.substr(0, authorization.find_first_of(",;\t"));
  while (token.ends_with(' ')) token.remove_suffix(1);
  if (token.size() >= 2 && token.starts_with('"') && token.ends_with('"'))
    token = token.substr(1, token.size() - 2);
  if (token.empty()) return std::nullopt;
  return token;
}

}  // namespace sluice::databankd
