#pragma once

#include <string>

#include "io/result.h"

namespace sluice {

/// Checks the address of a Data Bank and returns it without a trailing slash, ready to have a path
/// appended. https anywhere; http to this machine only (localhost, 127.0.0.0/8, [::1]) unless
/// `insecure_http`, as whoever reads the token on the way can deposit with it. Error usage: no URL,
/// another scheme, not UTF-8, and credentials, a query, a fragment or a control character in it.
/// Any thread.
Result<std::string> check_base_url(const std::string& url, bool insecure_http);

}  // namespace sluice
