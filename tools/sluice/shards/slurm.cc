#include "tools/sluice/shards/slurm.h"

#include <fmt/format.h>

#include <vector>

#include "engine/base/text.h"
#include "tools/sluice/process/program.h"

namespace sluice::cli {
namespace {

/// Submits a script and returns the job id: sbatch(1), --parsable, prints "NUMBER" or
/// "NUMBER;CLUSTER".
Result<std::string> submit_script(const std::vector<std::string>& options,
                                  const std::string& script) {
  std::vector<std::string> words{"sbatch", "--parsable"};
  words.insert(words.end(), options.begin(), options.end());
  words.push_back(script);
  TRY_ASSIGN(const std::string text, output_of(words));
  const std::string number = text.substr(0, text.find_first_not_of("0123456789"));
  if (number.empty())
    return Error{ErrorKind::failed,
                 fmt::format("sbatch gave no number of a job, but {}", quote_server_text(text))};
  return number;
}

}  // namespace

Result<SubmittedJobs> submit_to_slurm(const std::string& job_script,
                                      const std::string& report_script) {
  SubmittedJobs jobs;
  auto array = submit_script({}, job_script);
  if (!array) {
    array.error().message =
        fmt::format("cannot submit {}: {}", printable(job_script), array.error().message);
    return std::move(array).error();
  }
  jobs.array = *std::move(array);
  auto report = submit_script({"--dependency=afterany:" + jobs.array}, report_script);
  if (!report)
    return Error{ErrorKind::failed,
                 fmt::format("the job array {} was submitted, but not the job with its report: {}; "
                             "submit it with: sbatch --dependency=afterany:{} {}",
                             jobs.array, report.error().message, jobs.array,
                             shell_argument(printable(report_script)))};
  jobs.report = *std::move(report);
  return jobs;
}

}  // namespace sluice::cli
