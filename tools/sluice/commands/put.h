#pragma once

#include <string>

#include "tools/sluice/run/upload_options.h"
#include "tools/sluice/select/selection.h"

namespace sluice::cli {

/// The options of `sluice put`.
struct PutOptions {
  UploadOptions upload;
  std::string dataset;
  SelectOptions select;
  std::string skip;    ///< --skip: words for parse_skip(), "links,special"; empty: none
  std::string system;  ///< production, demo, local; empty: not given
  std::string url;     ///< empty: not given
  ProtocolKind protocol = ProtocolKind::automatic;
  bool dry_run = false;
  bool restart = false;
};

/// Uploads the files, several at a time if the protocol allows it. Checks all files locally before
/// the first request to the server. Returns the exit code.
int put(const PutOptions& options);

}  // namespace sluice::cli
