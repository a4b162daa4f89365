#pragma once

#include <string>

#include "tools/sluice/display/console.h"
#include "tools/sluice/manifest/manifest.h"
#include "tools/sluice/select/selection.h"

namespace sluice::cli {

/// The options of `sluice manifest`.
struct ManifestOptions {
  SelectOptions select;
  std::string skip;     ///< --skip: words for parse_skip(), "links,special"; empty: none
  std::string dataset;  ///< for all rows; empty: the user fills in the column
  std::string digests;  ///< besides XXH128: "md5", "sha256" or both, "md5,sha256"; empty: none
  ManifestFormat format = ManifestFormat::automatic;
  std::string output;  ///< a file; empty: standard output
  Console::Options console;
};

/// Writes a manifest of the files with sizes and digests. Reports an error for each file that
/// cannot be read and omits its row. After a signal, writes nothing. Returns the exit code.
int manifest(const ManifestOptions& options);

}  // namespace sluice::cli
