#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/sluice/display/progress_display.h"
#include "tools/sluice/run/run_progress.h"
#include "tools/sluice/run/schedule.h"
#include "tools/sluice/run/time_left.h"
#include "tools/sluice/run/transfer_count.h"
#include "tools/sluice/run/transfers.h"
#include "tools/sluice/run/uploader.h"

namespace sluice::cli {

/// One call of Uploader::upload(): starts the uploads, waits for the end of each, and shows
/// progress.
///
/// Has more fields than other classes: it connects the schedule, the transfers, their number, the
/// progress and the reasons to start no more.
class Uploader::Run {
 public:
  Run(Uploader& uploader, Work work);
  void run();

 private:
  /// Starts uploads up to the allowed number. Not all at once: each keeps its file open.
  void start_uploads();
  /// Adapts the number of concurrent uploads to measurements (--transfers auto). Returns whether it
  /// has grown.
  bool adapt_count();
  /// Tells the engine among how many uploads to divide the pool.
  void share_pool();
  /// Returns the number of uploads that may run at a time now.
  std::size_t current_limit() const;
  /// Returns false if the process has no free descriptor: retry after the end of another upload.
  bool start(std::size_t index);
  void upload_ended(std::size_t index);
  /// Returns whether to start the upload again, as requested by Report::again. Once for each
  /// reason, because a second attempt would probably fail the same way.
  bool should_start_again(std::size_t index, const Report& report);
  /// Handles a failure that a changed protocol of the server may have caused: queries the server
  /// again, at most once in a run.
  void recheck_protocol(UploadRequest request, Report& report);
  /// Records the end of a file. `error`, if any, may prevent other uploads.
  void file_finished(std::size_t index, const std::optional<Error>& error);
  /// Counts and prints the files that were not started.
  void count_rest();
  UploadRequest request_of(std::size_t index) const;
  /// Returns the report of a file before its start.
  Report report_of(std::size_t index) const;
  void show_progress(RunProgress::Clock::time_point now);
  /// Warns of tokens that expire before the estimated end of the run.
  void warn_of_expiry(RunProgress::Clock::time_point now);

  Uploader& uploader_;
  const Work work_;
  Schedule schedule_;
  Transfers transfers_;
  std::set<std::string> closed_datasets_;  ///< datasets whose remaining files are not started
  bool no_more_starts_ = false;            ///< no further upload is started
  /// The run ends after this many consecutive files with an error of Error::Scope::run: each
  /// attempt may take minutes.
  static constexpr unsigned most_run_errors = 4;
  unsigned run_errors_ = 0;  ///< consecutive
  bool failed_ = false;      ///< a file has failed with --fail-fast
  bool cancelled_ = false;
  std::size_t
      max_transfers_;  ///< the maximum number of transfers that the process and the pool allow
  TransferCount count_;
  std::set<std::string> servers_;  ///< base URLs
  std::uint64_t sent_files_ = 0;   ///< registered files that were sent in this run
  unsigned shares_ = 0;            ///< the value passed to the engine; 0: none yet
  bool protocol_rechecked_ = false;
  /// The reasons for which a file was started again.
  struct Restarts {
    bool what_is_missing = false;  ///< for Report::Again::what_is_missing
    bool in_one_piece = false;     ///< for Report::Again::whole
  };
  std::map<std::size_t, Restarts> restarts_;  ///< by index
  std::vector<bool> started_;                 ///< by index

  RunProgress progress_;
  TimeLeft time_left_;
  ProgressDisplay display_;
  IntervalClock next_event_;
};

}  // namespace sluice::cli
