#pragma once

#include <string>
#include <vector>

#include "tools/sluice/run/upload_options.h"

namespace sluice::cli {

/// The options of `sluice resume`.
struct ResumeOptions {
  UploadOptions upload;
  bool all = false;
  bool register_again = false;     ///< uploads with an unconfirmed registration only
  std::string dataset;             ///< empty: any
  std::vector<std::string> names;  ///< empty: any
};

/// Resumes the unfinished uploads of the journal, oldest first. Returns the exit code.
int resume(const ResumeOptions& options);

}  // namespace sluice::cli
