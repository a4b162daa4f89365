#include "engine/protocol/tus_location.h"

#include <fmt/format.h>
#include <strings.h>

#include <utility>

#include "engine/http/url.h"

namespace sluice {
namespace {

/// The most bytes of a Location. Known servers send less; a reverse proxy allows 8 KiB for a header
/// line.
constexpr std::size_t longest_url = 4096;

bool same_host(const UrlParts& a, const UrlParts& b) {
  return ::strcasecmp(a.host.c_str(), b.host.c_str()) == 0;
}

}  // namespace

Result<std::string> resolve_location(const std::string& base, std::string_view location) {
  const auto refuse = [](std::string why) { return Error{ErrorKind::failed, std::move(why)}; };
  const auto too_long = [&] {
    return refuse(fmt::format("the address is longer than {} bytes", longest_url));
  };
  if (location.size() > longest_url) return too_long();
  for (const char c : location)
    if (c <= ' ' || c > '~') return refuse("the address holds characters that a URL cannot have");
  TRY_ASSIGN(const UrlParts here, split_url(base));
  // curl's message would quote the location, which may contain the token.
  const auto not_one = [&] { return refuse("the address is not an HTTP URL"); };
  Result<UrlParts> there = resolve_url(base + "/files/", std::string(location));
  if (location.empty() || !there) return not_one();
  // A server behind a TLS proxy names its own scheme, http. The host is the same, so the URL is
  // changed to go through the proxy.
  if (here.scheme == "https" && there->scheme == "http" && same_host(*there, here) &&
      (there->port == "80" || there->port == here.port)) {
    const std::size_t path = there->normal.find('/', std::string_view("http://").size());
    if (path == std::string::npos) return not_one();
    there = resolve_url(base + "/", there->normal.substr(path));
    if (!there) return not_one();
  }
  if (there->scheme != here.scheme || !same_host(*there, here) || there->port != here.port)
    return refuse("the address is on another server, which must not get the token");
  if (there->normal.size() > longest_url) return too_long();
  return there->normal;
}

}  // namespace sluice
