#include "engine/http/http_proxy.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "engine/base/text.h"
#include "engine/http/url.h"

namespace sluice {
namespace {

/// The hosts that never use a proxy: the proxy's localhost is another machine.
constexpr std::string_view this_machine = "localhost,127.0.0.0/8,::1";

/// Whether the texts are equal; case does not matter.
bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view without_last_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

/// Whether `host` is `name` or a subdomain of it.
bool is_within(std::string_view host, std::string_view name) {
  name = without_last_dot(name);
  if (name.starts_with("*.")) name.remove_prefix(1);
  if (name.starts_with('.')) name.remove_prefix(1);
  if (name.empty() || name.size() > host.size()) return false;
  const std::size_t front = host.size() - name.size();
  return same(host.substr(front), name) && (front == 0 || host[front - 1] == '.');
}

/// Returns `host` without its brackets: "::1" for "[::1]".
std::string_view without_brackets(std::string_view host) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  return bracketed ? host.substr(1, host.size() - 2) : host;
}

/// Returns the port of an entry such as "host:443" or "[::1]:443"; empty for an entry without a
/// port, such as "::1".
std::string_view port_of(std::string_view entry) {
  const std::size_t colon = entry.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return {};
  const bool only = entry.find(':') == colon;
  if (!only && entry[colon - 1] != ']') return {};
  const std::string_view port = entry.substr(colon + 1);
  return port.find_first_not_of("0123456789") == std::string_view::npos ? port : "";
}

/// An IP address.
struct Address {
  std::size_t size = 0;  ///< bytes: 4, 16, or 0 for no address
  std::array<unsigned char, 16> bytes{};
};

/// Parses an IPv4 or IPv6 address; size 0 for any other text.
Address address_of(std::string_view text) {
  const std::string terminated(text);
  Address address;
  if (::inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1)
    address.size = 4;
  else if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1)
    address.size = 16;
  return address;
}

/// Whether `address` is in `network`: an address, or an address with a prefix length after a slash.
bool is_in_network(const Address& address, std::string_view network) {
  const std::size_t slash = network.find('/');
  const Address other = address_of(network.substr(0, slash));
  if (other.size != address.size) return false;
  std::size_t bits = address.size * 8;
  if (slash != std::string_view::npos) {
    const std::string_view digits = network.substr(slash + 1);
    std::size_t asked = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), asked);
    if (error != std::errc() || end != digits.data() + digits.size() || asked > bits) return false;
    if (asked > 0) bits = asked;  // curl reads 0 as the full length
  }
  const std::size_t whole = bits / 8;
  if (std::memcmp(address.bytes.data(), other.bytes.data(), whole) != 0) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((address.bytes[whole] ^ other.bytes[whole]) >> (8 - rest)) == 0;
}

/// Returns the first variable of `names` that is set, and its value.
std::optional<std::pair<const char*, std::string>> first_of(
    const Environment& environment, std::initializer_list<const char*> names) {
  for (const char* const name : names)
    if (auto value = environment(name)) return std::pair(name, *std::move(value));
  return {};
}

/// Returns the environment's no_proxy list plus this machine.
std::string no_proxy_list(const Environment& environment) {
  const auto own = first_of(environment, {"no_proxy", "NO_PROXY"});
  return own ? fmt::format("{},{}", own->second, this_machine) : std::string(this_machine);
}

/// Parses the URL of a proxy. `variable`: whether `source` is an environment variable, which other
/// programs read as well. Error usage, which names the source.
Result<UrlParts> parts_of(const std::string& proxy, const std::string& source, bool variable) {
  Result<UrlParts> address = split_proxy_url(proxy);
  if (address) return address;
  return Error{ErrorKind::usage,
               fmt::format("cannot use the proxy in {}{}: {}; set {} to http://HOST:PORT or "
                           "http://USER:PASSWORD@HOST:PORT, with special characters as %XX{}",
                           variable ? "the environment variable " : "", source,
                           address.error().message, variable ? "the variable" : "the proxy",
                           variable ? ", or unset the variable" : "")};
}

}  // namespace

std::optional<std::string> from_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

std::string Proxy::name() const {
  return fmt::format("the proxy {} (from {})", shown, source);
}

std::string Proxy::place_of_password() const {
  return source == NetworkOptions().proxy_from
             ? "the environment variable SLUICE_PROXY or the configuration"
             : source;
}

Result<Proxy> proxy_for(const std::string& url, const NetworkOptions& options,
                        const Environment& environment) {
  TRY_ASSIGN(const UrlParts parts, split_url(url));
  // HTTP_PROXY is ignored: in a CGI script, a header of the client would set it.
  const auto found =
      !options.proxy.empty() ? std::optional(std::pair(options.proxy_from.c_str(), options.proxy))
      : parts.scheme == "https"
          ? first_of(environment, {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
          : first_of(environment, {"http_proxy", "all_proxy", "ALL_PROXY"});
  if (!found) return Proxy();
  Proxy proxy;
  proxy.source = found->first;
  proxy.exempt = is_exempt(parts.host, parts.port, no_proxy_list(environment));
  if (proxy.exempt) return proxy;
  TRY_ASSIGN(const UrlParts address, parts_of(found->second, proxy.source, options.proxy.empty()));
  proxy.url = found->second;
  proxy.shown = printable(fmt::format("{}://{}:{}", address.scheme, address.host, address.port));
  return proxy;
}

Result<void> check_proxy(const NetworkOptions& options) {
  if (!options.proxy.empty()) TRY(parts_of(options.proxy, options.proxy_from, false));
  return {};
}

bool has_password(const std::string& proxy) {
  const std::size_t scheme = proxy.find("://");
  const std::size_t begin = scheme == proxy.npos ? 0 : scheme + 3;
  const std::size_t end = proxy.rfind('@');
  return end != proxy.npos && end > begin && proxy.find(':', begin) < end;
}

bool is_exempt(std::string_view host, std::string_view port, std::string_view list) {
  const Address address = address_of(without_brackets(host));
  host = without_last_dot(host);
  constexpr std::string_view separators = ", \t";
  while (true) {
    const std::size_t begin = list.find_first_not_of(separators);
    if (begin == std::string_view::npos) return false;
    list.remove_prefix(begin);
    std::string_view entry = list.substr(0, list.find_first_of(separators));
    list.remove_prefix(entry.size());
    if (entry == "*") return true;
    const std::string_view wanted = port_of(entry);
    if (!wanted.empty()) {
      if (wanted != port) continue;
      entry.remove_suffix(wanted.size() + 1);
    }
    if (address.size > 0 ? is_in_network(address, without_brackets(entry)) : is_within(host, entry))
      return true;
  }
}

std::string without_userinfo(std::string text) {
  // An unencoded password may contain any character, '@' and '/' included, so everything up to the
  // last '@' of a quoted text is removed.
  for (std::size_t at = 0; (at = text.find("://", at)) != std::string::npos;) {
    at += 3;
    const std::size_t end = std::min(text.find_first_of("'\"", at), text.size());
    const std::size_t user_end = text.substr(at, end - at).rfind('@');
    if (user_end != std::string::npos) text.erase(at, user_end + 1);
  }
  return text;
}

}  // namespace sluice
