#pragma once

#include <string>
#include <vector>

#include "tools/sluice/run/upload_options.h"

namespace sluice::cli {

/// `sluice resume`, as the command line gave it.
struct ResumeOptions {
  UploadOptions upload;
  bool all = false;
  bool register_again = false;     ///< only those of which nobody knows whether they are registered
  std::string dataset;             ///< empty: whichever
  std::vector<std::string> names;  ///< empty: whichever
};

/// Goes on with the unfinished uploads of the journal, oldest first, and returns the exit code.
int resume(const ResumeOptions& options);

}  // namespace sluice::cli
