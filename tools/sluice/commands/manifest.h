#pragma once

#include <string>

#include "tools/sluice/display/console.h"
#include "tools/sluice/manifest/manifest.h"
#include "tools/sluice/select/selection.h"

namespace sluice::cli {

/// `sluice manifest`, as the command line gave it.
struct ManifestOptions {
  SelectOptions select;
  std::string skip;     ///< reasons for which files may be left out, as text
  std::string dataset;  ///< of all rows; empty: for the user to fill in
  std::string digests;  ///< besides XXH128: "md5,sha256"
  ManifestFormat format = ManifestFormat::automatic;
  std::string output;  ///< a file; empty: standard output
  Console::Options console;
};

/// Writes a manifest of the files, with their sizes and digests. Files that cannot be read have no
/// row, an error each, and keep no other back. Returns the exit code; after a signal nothing is
/// written.
int manifest(const ManifestOptions& options);

}  // namespace sluice::cli
