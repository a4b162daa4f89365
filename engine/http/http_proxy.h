#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/http/network_options.h"
#include "io/result.h"

/// Which proxy a URL is reached through: decided here, from the variables that curl 7.88 reads, so
/// that what is said is what is used.
namespace sluice {

/// Returns the value of an environment variable; nothing for one that is unset or empty.
using Environment = std::function<std::optional<std::string>(const char* name)>;
/// This process's. Any thread, as long as none changes it.
std::optional<std::string> from_environment(const char* name);

/// A proxy, or none.
struct Proxy {
  std::string url = {};     ///< as curl takes it; empty for none. May hold a password: never shown.
  std::string shown = {};   ///< scheme, host and port alone: "http://proxy.example:3128"
  std::string source = {};  ///< where it comes from: "--proxy", "https_proxy"; empty for none
  bool exempt = false;      ///< there is one, but no_proxy exempts this host: `url` is empty

  /// "the proxy http://proxy.example:3128 (from https_proxy)"
  std::string name() const;
  /// Where a password belongs: "https_proxy"; no argument, which everybody can read.
  std::string place_of_password() const;
};

/// Returns the proxy for `url`, which passes check_base_url(): the options' where there is one,
/// else that of https_proxy, HTTPS_PROXY or http_proxy by its scheme, else of all_proxy or
/// ALL_PROXY; none for hosts in no_proxy or NO_PROXY, and none for this machine. Error usage for a
/// proxy that curl does not understand, which names its source and not its value. Any thread.
Result<Proxy> proxy_for(const std::string& url, const NetworkOptions& options,
                        const Environment& environment = from_environment);

/// Whether the options' proxy can be used. Error usage as above.
Result<void> check_proxy(const NetworkOptions& options);

/// Whether there is a password in the URL of a proxy.
bool has_password(const std::string& proxy);

/// Whether `host` (as in a URL, IPv6 in brackets) and `port` are in a no_proxy `list`: names with
/// their subdomains ("example.org", ".example.org" and "*.example.org" are the same), addresses,
/// networks (10.0.0.0/8), any of them with a port behind it for that port alone, or "*" for all.
/// That is what curl 7.88 takes and, of what other programs take, the "*." and the port, which it
/// would overlook.
bool is_exempt(std::string_view host, std::string_view port, std::string_view list);

/// `text` without what stands for user and password in the URLs in it, for texts of curl's.
std::string without_userinfo(std::string text);

}  // namespace sluice
