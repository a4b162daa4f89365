#pragma once

#include <string>

#include "engine/base/secret.h"
#include "engine/http/transport.h"
#include "engine/policy/retry.h"
#include "engine/upload/termination_request.h"

namespace sluice {

/// The request that deletes the tus upload at `url` (tus's termination extension). Whoever sends it
/// has the address from own_address(), as the token goes there.
Exchange termination(const std::string& url, const Secret& token);

/// Engine::terminate(), over `http`; waits on the caller's thread.
Terminated terminate(Transport& http, const RetryPolicy& retry, const Termination& asked);

}  // namespace sluice
