#pragma once

#include <map>
#include <string>

#include "engine/upload.h"
#include "io/result.h"
#include "tools/sluice/manifest/manifest.h"
#include "tools/sluice/run/upload_options.h"
#include "tools/sluice/run/uploader.h"

namespace sluice::cli {

/// Error usage where two files of a manifest would have one receipt: files of one name in two
/// datasets. Pure.
Result<void> check_receipts(const Manifest& manifest);

/// What the files of a dataset have in common, by the dataset's key.
using ManifestTargets = std::map<std::string, UploadRequest>;

/// The datasets of a manifest, each with its token. `path`: the manifest's, for the messages.
/// Errors: usage for a --token-file with several datasets; those of Uploader::find_token(), the
/// last one, after the others were printed, so that all missing tokens can be stored.
Result<ManifestTargets> find_targets(const Manifest& manifest, const std::string& path,
                                     const std::string& base_url, const UploadOptions& options,
                                     Uploader& uploader);

}  // namespace sluice::cli
