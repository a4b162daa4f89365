#pragma once

#include <map>
#include <string>

#include "engine/upload.h"
#include "io/result.h"
#include "tools/sluice/manifest/manifest.h"
#include "tools/sluice/run/upload_options.h"
#include "tools/sluice/run/uploader.h"

namespace sluice::cli {

/// Returns error usage if two files of a manifest would have the same receipt file: files of the
/// same name in two datasets. Pure.
Result<void> check_receipts(const Manifest& manifest);

/// The settings that the files of a dataset share, by dataset key.
using ManifestTargets = std::map<std::string, UploadRequest>;

/// Returns the datasets of a manifest with their tokens. `path`: the manifest's, for messages.
/// Errors: usage for --token-file with several datasets; those of RunTokens::find(): returns
/// the last one and prints the others, so that the user can store all missing tokens.
Result<ManifestTargets> find_targets(const Manifest& manifest, const std::string& path,
                                     const std::string& base_url, const UploadOptions& options,
                                     Uploader& uploader);

}  // namespace sluice::cli
