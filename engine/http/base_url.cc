#include "engine/http/base_url.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <strings.h>

#include "engine/base/text.h"
#include "engine/http/url.h"

namespace sluice {
namespace {

bool is_loopback(const std::string& name) {
  const std::string host = lower_case(name);
  if (host == "localhost" || host == "[::1]") return true;
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

}  // namespace

Result<std::string> check_base_url(const std::string& url, bool insecure_http) {
  const auto refuse = [&](const char* why) {
    return Error{ErrorKind::usage, fmt::format("'{}' is not a usable URL of a Data Bank: {}",
                                               printable(url.substr(0, 300)), why)};
  };
  if (url.find('@') != std::string::npos)
    // The message does not quote the URL, which may contain a password.
    return Error{ErrorKind::usage,
                 "the URL of the Data Bank must not contain a user name or a password; remove the "
                 "part before "
                 "'@'"};
  // curl accepts most of these characters, and stops reading at a NUL, so that the checked URL
  // would differ from the stored one.
  const char* const not_text = "the URL contains a control character or is not valid UTF-8";
  if (printable(url) != url) return refuse(not_text);
  if (url.find_first_of("?#") != std::string::npos)
    return refuse("the URL must not contain a query (?) or a fragment (#)");
  // curl would guess a missing slash or scheme.
  if (strncasecmp(url.c_str(), "https://", 8) != 0 && strncasecmp(url.c_str(), "http://", 7) != 0)
    return refuse(
        "the URL must start with https:// (or with http:// for a server on this machine)");
  TRY_ASSIGN(const UrlParts parts, split_url(url));
  if (parts.scheme == "http" && !insecure_http && !is_loopback(parts.host))
    return refuse(
        "plain HTTP shows the token to everyone on the network; use https://, or accept that with "
        "--insecure-http");
  // curl decodes https://%368 to https://68, which the next reader takes for https://0.0.0.68.
  if (const Result<UrlParts> again = split_url(parts.normal);
      !again || lower_case(again->host) != lower_case(parts.host))
    return refuse("the host is percent-encoded; write its characters as they are");
  // Each server has one spelling, because the URL is the key of its uploads in the journal and of
  // their locks.
  std::string base = parts.normal;
  while (base.ends_with('/')) base.pop_back();
  if (printable(base) != base) return refuse(not_text);  // curl decodes %1B in a host
  return base;
}

}  // namespace sluice
