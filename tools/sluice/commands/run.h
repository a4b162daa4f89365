#pragma once

#include <string>

#include "tools/sluice/manifest/manifest.h"
#include "tools/sluice/run/upload_options.h"

namespace sluice::cli {

/// `sluice run`, as the command line gave it.
struct RunOptions {
  UploadOptions upload;
  std::string manifest;  ///< a path; "-" is standard input
  ManifestFormat format = ManifestFormat::automatic;
  std::string system;  ///< production, demo, local; empty: none given
  std::string url;     ///< empty: none given
  ProtocolKind protocol = ProtocolKind::automatic;
  bool dry_run = false;
  bool restart = false;
};

/// Uploads the files of a manifest, the largest first, and returns the exit code. A manifest with
/// an error uploads nothing.
int run(const RunOptions& options);

}  // namespace sluice::cli
