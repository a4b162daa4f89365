#pragma once

#include <string>

#include "tools/sluice/run/upload_options.h"
#include "tools/sluice/select/selection.h"

namespace sluice::cli {

/// `sluice put`, as the command line gave it.
struct PutOptions {
  UploadOptions upload;
  std::string dataset;
  SelectOptions select;
  std::string skip;    ///< reasons for which files may be left out, as text
  std::string system;  ///< production, demo, local; empty: none given
  std::string url;     ///< empty: none given
  ProtocolKind protocol = ProtocolKind::automatic;
  bool dry_run = false;
  bool restart = false;
};

/// Uploads the files, several at a time where the protocol allows it, and returns the exit code.
/// Everything that can be checked without the server is checked for all files before it is asked
/// anything.
int put(const PutOptions& options);

}  // namespace sluice::cli
