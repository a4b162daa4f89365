#include "engine/http/url.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>
#include <new>

#include "engine/base/text.h"

namespace sluice {
namespace {

using Url = std::unique_ptr<CURLU, void (*)(CURLU*)>;

/// Returns the parts of the URL in `handle`.
Result<UrlParts> parts_of(const Url& handle) {
  const auto part = [&](CURLUPart which, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(handle.get(), which, &text, flags) != CURLUE_OK) return std::string();
    std::string result(text);
    curl_free(text);
    return result;
  };
  UrlParts parts;
  parts.scheme = part(CURLUPART_SCHEME);
  parts.host = part(CURLUPART_HOST);
  parts.port = part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
  curl_url_set(handle.get(), CURLUPART_HOST, lower_case(parts.host).c_str(), 0);
  parts.normal = part(CURLUPART_URL, CURLU_NO_DEFAULT_PORT);
  return parts;
}

Error not_a_url(const std::string& url, CURLUcode code) {
  return {ErrorKind::usage, fmt::format("'{}' is not an absolute URL: {}",
                                        printable(url.substr(0, 300)), curl_url_strerror(code))};
}

}  // namespace

Result<UrlParts> split_url(const std::string& url) {
  const Url handle(curl_url(), curl_url_cleanup);
  if (!handle) throw std::bad_alloc();
  if (const CURLUcode code = curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), 0);
      code != CURLUE_OK)
    return not_a_url(url, code);
  return parts_of(handle);
}

Result<UrlParts> split_proxy_url(const std::string& url) {
  const Url handle(curl_url(), curl_url_cleanup);
  if (!handle) throw std::bad_alloc();
  if (const CURLUcode code = curl_url_set(handle.get(), CURLUPART_URL, url.c_str(),
                                          CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME);
      code != CURLUE_OK)
    return Error{ErrorKind::usage,
                 fmt::format("the value is not a URL ({})", curl_url_strerror(code))};
  TRY_ASSIGN(UrlParts parts, parts_of(handle));
  // For a proxy, curl does not use the default port of a web server.
  char* port = nullptr;
  if (curl_url_get(handle.get(), CURLUPART_PORT, &port, 0) != CURLUE_OK)
    parts.port = parts.scheme == "https" ? "443" : "1080";
  curl_free(port);
  for (const char* const known :
       {"http", "https", "socks", "socks4", "socks4a", "socks5", "socks5h"})
    if (parts.scheme == known) return parts;
  return Error{ErrorKind::usage,
               fmt::format("the scheme '{}' is not one of http, https, socks4, socks4a, socks5 and "
                           "socks5h",
                           printable(parts.scheme))};
}

Result<UrlParts> resolve_url(const std::string& base, const std::string& reference) {
  const Url handle(curl_url(), curl_url_cleanup);
  if (!handle) throw std::bad_alloc();
  // curl resolves the second URL as a reference relative to the first.
  for (const std::string* url : {&base, &reference})
    if (const CURLUcode code =
            curl_url_set(handle.get(), CURLUPART_URL, url->c_str(), CURLU_DISALLOW_USER);
        code != CURLUE_OK)
      return not_a_url(*url, code);
  curl_url_set(handle.get(), CURLUPART_FRAGMENT, nullptr, 0);
  TRY_ASSIGN(UrlParts parts, parts_of(handle));
  if (parts.scheme != "http" && parts.scheme != "https")
    return Error{ErrorKind::usage,
                 fmt::format("'{}' is not an HTTP URL", printable(reference.substr(0, 300)))};
  return parts;
}

}  // namespace sluice
