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

/// One call of Uploader::upload().
class Uploader::Run {
 public:
  Run(Uploader& uploader, Work work);
  void run();

 private:
  /// No more than are to be under way at a time: each has its file open.
  void start_some();
  /// Adapts the number of uploads at a time to what was measured (--transfers auto). Whether more
  /// may run than before.
  bool adapt_count();
  /// Tells the engine among how many uploads the pool is to be divided.
  void share_pool();
  /// Uploads that may run at a time now.
  std::size_t most_now() const;
  /// Returns false where the process has no descriptor left for it, so that it has to wait for
  /// another one's end.
  bool start(std::size_t index);
  void ended(std::size_t index);
  /// Whether that item is started once more, as Report::again has it: once for each reason, as what
  /// goes wrong a second time would go wrong a third.
  bool goes_again(std::size_t index, const Report& report);
  /// It may have failed because the server speaks another protocol than it did when it was asked:
  /// asks it again, once, for the next run.
  void doubt_memory(UploadRequest request, Report& report);
  /// It is done with, however; what stopped it, if anything did, may stop others as well.
  void over(std::size_t index, const std::optional<Error>& error);
  /// Counts those that were not started, and says how many they are.
  void leave_the_rest();
  UploadRequest request_of(std::size_t index) const;
  /// What is known of it before it is started.
  Report report_of(std::size_t index) const;
  void show_progress(RunProgress::Clock::time_point now);
  /// Warns of tokens that expire before the run is over, as far as that can be estimated.
  void look_at_expiry(RunProgress::Clock::time_point now);

  Uploader& uploader_;
  const Work work_;
  Schedule schedule_;
  Transfers transfers_;
  std::set<std::string> closed_;  ///< datasets that nothing more is tried of
  bool ends_all_ = false;         ///< what stopped one would stop any other
  /// The run ends after so many files in a row with an error of Error::Scope::run: each may have
  /// been tried for minutes.
  static constexpr unsigned most_run_errors = 4;
  unsigned run_errors_ = 0;  ///< in a row
  bool failed_ = false;      ///< one has, and --fail-fast was given
  bool cancelled_ = false;
  std::size_t most_;  ///< transfers at a time that the process and the pool allow
  TransferCount count_;
  std::set<std::string> servers_;  ///< their base URLs
  std::uint64_t sent_files_ = 0;   ///< registered, of those that had to be sent
  unsigned shares_ = 0;            ///< as the engine was told; 0: not yet
  bool doubted_ = false;
  /// What is known of those that were tried, where that differs from Work.
  struct Again {
    bool what_is_missing = false;  ///< was started once more for that
    bool in_one_piece = false;     ///< the same
  };
  std::map<std::size_t, Again> again_;  ///< by index
  std::vector<bool> tried_;             ///< by index

  RunProgress progress_;
  TimeLeft time_left_;
  ProgressDisplay display_;
  IntervalClock next_event_;
};

}  // namespace sluice::cli
