#pragma once

#include <string>
#include <vector>

#include "engine/base/secret.h"
#include "engine/http/transport.h"
#include "engine/policy/retry.h"
#include "engine/upload/termination_request.h"

namespace sluice {

/// Returns the request that deletes the tus upload at `url` (tus's termination extension). `url`
/// must come from resolve_location(), because the request carries the token.
Exchange termination(const std::string& url, const Secret& token);

/// Deletes the tus uploads at `urls`, one after another, to leave the server's threads to other
/// requests. Returns at once. Failures are ignored: the server deletes abandoned uploads after some
/// time anyway. `urls` must come from resolve_location(). Network thread of `http` only.
void drop_uploads(Transport& http, const std::vector<std::string>& urls, const Secret& token);

/// Implements Engine::terminate() over `http`. Blocks the calling thread; not for network threads.
Terminated terminate(Transport& http, const RetryPolicy& retry, const Termination& asked);

}  // namespace sluice
