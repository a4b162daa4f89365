#pragma once

#include <string>

#include "io/result.h"

namespace sluice::cli {

/// Returns the base URL that --url or --system selects (production, demo, local; empty if not
/// given). The default is production. Error usage from check_base_url().
Result<std::string> chosen_url(const std::string& url, const std::string& system,
                               bool insecure_http);

/// Sets whether the environment or the configuration names a server; without --system, the default
/// is then not production. Call before other threads are started.
void set_server_configured(bool configured);

/// Returns the option that selects base URL `url` in an advised command: " --system demo", " --url
/// URL", or nothing for the default.
std::string system_argument(const std::string& url);

}  // namespace sluice::cli
