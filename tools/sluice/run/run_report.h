#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "engine/report/report.h"
#include "engine/upload.h"
#include "io/result.h"
#include "tools/sluice/display/console.h"
#include "tools/sluice/display/event_log.h"
#include "tools/sluice/run/outcomes.h"
#include "tools/sluice/run/plan.h"
#include "tools/sluice/run/receipt_files.h"
#include "tools/sluice/run/upload_options.h"
#include "tools/sluice/select/left_out.h"

namespace sluice::cli {

/// The report of one `sluice put`, `run` or `resume`: prints the result of each file with advice,
/// writes receipts and events, counts the files, and determines the exit code. One thread at a
/// time.
class RunReport {
 public:
  /// Both arguments must outlive this object.
  RunReport(const UploadOptions& options, Console& console)
      : options_(options),
        console_(console),
        receipts_(options.receipts, options.sums),
        outcomes_(options.json) {}
  ~RunReport();
  RunReport(const RunReport&) = delete;
  RunReport& operator=(const RunReport&) = delete;

  /// Sets how many files the run is about, which decides how much is printed of each.
  void expect(std::size_t files) { several_ = files > 1; }
  /// Checks that receipts can be written, and opens the event log. Errors: usage.
  Result<void> open();
  /// Counts files whose uploads are about to start.
  void begin_files(std::size_t count, bool dry_run);

  /// Prints the result of a file whose upload has ended, and counts the file. `server`: of the
  /// upload. `number`: the file's position in the report, here and in the other functions.
  void file_ended(std::size_t number, Report report, const ServerProfile& server);

  /// Counts a file as failed before its upload started, and prints the error. `report` has the
  /// file, the name and the dataset.
  void fail(std::size_t number, Report report, const Error& error);

  /// Counts a file as failed without printing the error.
  void count_failed(std::size_t number, Report report, const Error& error);

  /// Prints an error that concerns no single file, and records its exit code.
  void fail(const Error& error);

  /// Counts a file that an earlier run registered. If that contradicts the manifest, `report.error`
  /// is set, and is printed; otherwise prints with --verbose only.
  void registered_before(std::size_t number, Report report);

  /// Counts and prints a file that a filter or --skip excluded; files excluded by a filter are
  /// printed with --verbose only.
  void file_left_out(const LeftOut& left_out);
  /// Sets the reasons for which a file that cannot be opened is skipped instead of an error in
  /// fail().
  void set_skip(std::set<LeftOutReason> reasons) { skip_ = std::move(reasons); }

  /// Counts a file in a dry run and prints its plan.
  void file_planned(std::size_t number, Report report, const UploadPlan& plan,
                    const ServerProfile& server, NameState name);
  /// Sets the rate of the last uploads, for the time estimate of a dry run.
  void set_last_rate(std::optional<LastRate> rate) { totals_.set_rate(rate); }

  /// Counts a file that was not started; the reason was printed already.
  void count_not_started(std::size_t number, Report report);
  /// Prints how many files were not started. Prints no line for 0.
  void report_not_started(std::size_t count);

  /// Prints the JSON report with --json, otherwise a summary line for several files. Returns the
  /// exit code: at least 1 if the report could not be written. `error`: why there are no uploads,
  /// for the JSON report only.
  int end(const std::optional<Error>& error = {});

  Outcomes& outcomes() { return outcomes_; }
  /// The event log; null without one.
  EventLog* events() const { return events_.get(); }

 private:
  /// Records the end of a file, once for each.
  void record(std::size_t number, const Report& report);
  void write_receipt(const Report& report);
  /// Closes the event log. An incomplete log changes the exit code, but not the status of files.
  void close_event_log();

  const UploadOptions& options_;
  Console& console_;
  ReceiptFiles receipts_;
  Outcomes outcomes_;
  std::unique_ptr<EventLog> events_;
  std::size_t files_ = 0;  ///< files passed to begin_files(), and planned ones
  bool several_ = false;   ///< more than one file to upload
  bool dry_run_ = false;
  std::set<std::string> plan_notes_;  ///< notes of a dry run that apply to many files, printed once
  std::set<LeftOutReason> skip_;
  PlanTotals totals_;
};

}  // namespace sluice::cli
