#pragma once

#include "tools/sluice/run/upload_options.h"
#include "tools/sluice/select/own_files.h"

namespace sluice::cli {

/// What a run with these options reads secrets from, or writes: the token file, the stored tokens,
/// the journal, the files of --sums and --log-json, receipts, and the files that standard output
/// and standard error go to. As of now: what is created later is not among them.
OwnFiles files_in_use(const UploadOptions& options);

}  // namespace sluice::cli
