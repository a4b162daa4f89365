#pragma once

#include <memory>

#include "engine/upload/upload_preparation.h"
#include "engine/upload/upload_request.h"
#include "io/result.h"

namespace sluice {

/// Starts a prepared upload and returns its handle. Any thread. Errors: those of
/// compare_registered().
Result<std::unique_ptr<Upload>> start_upload(PreparedUpload prepared);

}  // namespace sluice
