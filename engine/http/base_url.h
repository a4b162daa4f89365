#pragma once

#include <string>

#include "io/result.h"

namespace sluice {

/// Checks the URL of a Data Bank and returns its normal form without a trailing slash, so that a
/// path can be appended. Accepts https for any host, and http for this machine only (localhost,
/// 127.0.0.0/8, [::1]) unless `insecure_http`, because an eavesdropper who reads the token can
/// deposit with it. Error usage: not a URL, another scheme, not UTF-8, or a URL with credentials, a
/// query, a fragment or a control character. Any thread.
Result<std::string> check_base_url(const std::string& url, bool insecure_http);

}  // namespace sluice
