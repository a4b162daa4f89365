#pragma once

#include "tools/sluice/run/upload_options.h"
#include "tools/sluice/select/own_files.h"

namespace sluice::cli {

/// Returns the files that a run with these options writes or reads secrets from: the token file,
/// the stored tokens, the journal, the files of --sums and --log-json, receipts, and the files
/// behind standard output and standard error. Does not include files that are created later.
OwnFiles files_in_use(const UploadOptions& options);

}  // namespace sluice::cli
