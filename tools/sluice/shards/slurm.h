#pragma once

#include <string>

#include "io/result.h"

namespace sluice::cli {

/// The job ids that Slurm returned.
struct SubmittedJobs {
  std::string array;
  std::string report;
};

/// Submits the array, and the report job, which runs when all tasks of the array have ended in any
/// state. Errors failed: sbatch cannot be run or fails. If only the report job fails, the message
/// has the id of the array, which stays submitted.
Result<SubmittedJobs> submit_to_slurm(const std::string& job_script,
                                      const std::string& report_script);

}  // namespace sluice::cli
