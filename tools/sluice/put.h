#pragma once

#include <string>
#include <vector>

#include "tools/sluice/upload_options.h"

namespace sluice::cli {

/// `sluice put`, as the command line gave it.
struct PutOptions {
  UploadOptions upload;
  std::string dataset;
  std::vector<std::string> files;
  std::string system;  ///< production, demo, local; empty: none given
  std::string url;     ///< empty: none given
  std::string name;
  bool dry_run = false;
  bool restart = false;
};

/// Uploads the files one after the other and returns the exit code. Everything that can be checked
/// without the server is checked for all files before anything is sent.
int put(const PutOptions& options);

}  // namespace sluice::cli
