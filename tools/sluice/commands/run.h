#pragma once

#include <string>

#include "tools/sluice/manifest/manifest.h"
#include "tools/sluice/run/upload_options.h"

namespace sluice::cli {

/// The options of `sluice run`.
struct RunOptions {
  UploadOptions upload;
  std::string manifest;  ///< a path; "-": standard input
  ManifestFormat format = ManifestFormat::automatic;
  std::string system;  ///< production, demo, local; empty: not given
  std::string url;     ///< empty: not given
  ProtocolKind protocol = ProtocolKind::automatic;
  bool dry_run = false;
  bool restart = false;
};

/// Uploads the files of a manifest, the largest first. Uploads nothing if the manifest has an
/// error. Returns the exit code.
int run(const RunOptions& options);

}  // namespace sluice::cli
