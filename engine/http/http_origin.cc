#include "engine/http/http_origin.h"

#include <fmt/format.h>

#include <new>
#include <utility>

#include "engine/http/url.h"

namespace sluice {

std::string origin_address(const std::string& url) {
  const Result<UrlParts> parts = split_url(url);
  return parts ? fmt::format("{}://{}:{}", parts->scheme, parts->host, parts->port) : url;
}

HttpOrigin make_origin(const std::string& url, const NetworkOptions& network) {
  HttpOrigin origin;
  origin.address = origin_address(url);
  if (Result<Proxy> found = proxy_for(url, network))
    origin.proxy = *std::move(found);
  else
    origin.error = std::move(found).error();
  origin.share.reset(curl_share_init());
  if (!origin.share) throw std::bad_alloc();
  curl_share_setopt(origin.share.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  curl_share_setopt(origin.share.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
  return origin;
}

}  // namespace sluice
