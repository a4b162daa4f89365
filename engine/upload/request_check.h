#pragma once

#include "engine/upload/upload_request.h"
#include "io/result.h"

namespace sluice {

/// Validates a request before any file is opened. Returns the request with base_url as
/// check_base_url() returns it. Performs no I/O. Any thread. Error usage: key, name, token,
/// lookahead, digests or address.
Result<UploadRequest> check_request(const UploadRequest& request);

}  // namespace sluice
