#pragma once

#include <string>

#include "io/result.h"

namespace sluice::cli {

/// The numbers that Slurm gave.
struct SubmittedJobs {
  std::string array;
  std::string report;
};

/// Submits the array, and the report behind the end of all of its tasks, however they end. Errors
/// failed: sbatch cannot be run, or refuses; where it refuses the report, the message has the
/// number of the array, which stays.
Result<SubmittedJobs> submit_to_slurm(const std::string& job_script,
                                      const std::string& report_script);

}  // namespace sluice::cli
