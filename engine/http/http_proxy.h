#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/http/network_options.h"
#include "io/result.h"

/// The choice of the proxy for a URL. This room makes the choice itself, from the variables that
/// curl 7.88 reads, so that messages name the proxy that is really used.
namespace sluice {

/// A function that returns the value of an environment variable; nullopt for a variable that is
/// unset or empty.
using Environment = std::function<std::optional<std::string>(const char* name)>;
/// Reads this process's environment. Any thread, as long as no thread changes the environment.
std::optional<std::string> from_environment(const char* name);

/// A proxy, or no proxy.
struct Proxy {
  /// For CURLOPT_PROXY; empty for none. May contain a password: never print it.
  std::string url = {};
  std::string shown = {};   ///< printable: scheme, host and port only: "http://proxy.example:3128"
  std::string source = {};  ///< origin of the value: "--proxy", "https_proxy"; empty for none
  bool exempt = false;      ///< a proxy is set, but no_proxy exempts this host: `url` is empty

  /// Returns "the proxy http://proxy.example:3128 (from https_proxy)", for messages.
  std::string name() const;
  /// Returns the place for a password, for messages: "https_proxy". Never a command-line option,
  /// because every user of the machine can read arguments.
  std::string place_of_password() const;
};

/// Returns the proxy for `url`. Precondition: check_base_url() accepts `url`. The order is: the
/// proxy of `options`; https_proxy or HTTPS_PROXY for https, http_proxy for http; all_proxy or
/// ALL_PROXY. Hosts in no_proxy or NO_PROXY and this machine get no proxy. Error usage if curl does
/// not understand the proxy; the message names the source but not the value. Any thread.
Result<Proxy> proxy_for(const std::string& url, const NetworkOptions& options,
                        const Environment& environment = from_environment);

/// Checks that the proxy of `options` is usable. Errors as proxy_for().
Result<void> check_proxy(const NetworkOptions& options);

/// Whether the URL `proxy` contains a password.
bool has_password(const std::string& proxy);

/// Whether `host` (as in a URL, IPv6 in brackets) and `port` match an entry of `list`, a no_proxy
/// value. An entry is a name, which includes its subdomains ("example.org", ".example.org" and
/// "*.example.org" are equivalent), an address, a network (10.0.0.0/8), any of these with a port,
/// which restricts it to that port, or "*" for all hosts. curl 7.88 accepts the same, except for
/// "*." and the port, which other programs accept and curl would ignore.
bool is_exempt(std::string_view host, std::string_view port, std::string_view list);

/// Returns `text`, a message of curl, without the user names and passwords of the URLs in it.
std::string without_userinfo(std::string text);

}  // namespace sluice
