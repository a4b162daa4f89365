#pragma once

#include <memory>

#include "engine/upload/upload_preparation.h"
#include "engine/upload/upload_request.h"
#include "io/result.h"

namespace sluice {

/// Begins what was prepared, and returns what a caller of the engine watches it by. Any thread.
/// Errors: those of compare_registered().
Result<std::unique_ptr<Upload>> start_upload(PreparedUpload prepared);

}  // namespace sluice
