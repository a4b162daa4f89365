#pragma once

#include <string>

#include "io/result.h"

namespace sluice::cli {

/// The base URL that --url or --system (production, demo, local; both empty where they were not
/// given) means, production without any of them. Error usage: check_base_url()'s.
Result<std::string> chosen_url(const std::string& url, const std::string& system,
                               bool insecure_http);

/// Whether the environment or the configuration names a server, so that no --system does not mean
/// production. Before any other thread is started.
void set_server_configured(bool configured);

/// " --system demo", " --url URL" or nothing, for a command that a message advises: what means the
/// base URL `url` there.
std::string system_argument(const std::string& url);

}  // namespace sluice::cli
