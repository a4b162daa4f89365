#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/report/report.h"
#include "engine/upload.h"
#include "tools/sluice/display/console.h"
#include "tools/sluice/run/outcomes.h"
#include "tools/sluice/run/parsed_options.h"
#include "tools/sluice/run/plan.h"
#include "tools/sluice/run/receipt_files.h"
#include "tools/sluice/run/run_tokens.h"
#include "tools/sluice/run/transfer_plan.h"
#include "tools/sluice/run/upload_options.h"
#include "tools/sluice/run/work.h"
#include "tools/sluice/select/left_out.h"

namespace sluice::cli {

/// The uploads of one `sluice put`, `run` or `resume`: runs several at a time if the protocol
/// allows it, shows progress, handles stop signals, writes receipts, prints advice, and determines
/// the exit code. One thread at a time.
class Uploader {
 public:
  /// Both arguments must outlive this object.
  Uploader(const UploadOptions& options, Console& console)
      : options_(options),
        console_(console),
        tokens_(options, console),
        receipts_(options.receipts, options.sums),
        outcomes_(options.json) {}
  ~Uploader() { console_.log_to(nullptr); }
  Uploader(const Uploader&) = delete;
  Uploader& operator=(const Uploader&) = delete;

  /// Checks all options and creates the engine. `files`: the number of files to upload.
  /// `block_bytes`: the minimum block size, that of an upload to resume. Errors: usage; failed
  /// without memory or threads; usage if receipts or sums cannot be written.
  Result<void> prepare(std::size_t files, std::uint64_t block_bytes = 0);

  /// The tokens of the uploads.
  RunTokens& tokens() { return tokens_; }

  /// Queries the server for its protocol, and sets `request.server`. If the token is refused, reads
  /// it again from its file, for up to --token-wait. `fresh`: asks the server even if the answer is
  /// remembered. Errors: those of Engine::ask_server().
  Result<void> ask_server(UploadRequest& request, ProtocolKind protocol, bool fresh);

  /// Uploads the files of `work` with the options of the command line. Files that are not started,
  /// because of a signal or of an error that concerns them, too, are counted as such.
  void upload(Work work);

  /// Counts a file as failed before its upload started, and prints the error. `report` has the
  /// file, the name and the dataset. `number`: the file's position in the report.
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
  void report_left_out(const LeftOut& left_out);
  /// Counts files excluded by filters without printing them.
  void count_left_out(std::size_t count) { outcomes_.count_left_out(count); }
  /// Sets the reasons for which a file that cannot be opened is skipped instead of an error in
  /// fail().
  void set_skip(std::set<LeftOutReason> reasons) { skip_ = std::move(reasons); }

  /// Counts a file in a dry run and prints its plan.
  void report_plan(std::size_t number, Report report, const UploadPlan& plan,
                   const ServerProfile& server, NameState name);
  /// Sets the rate of the last uploads, for the time estimate of a dry run.
  void set_last_rate(std::optional<LastRate> rate) { totals_.set_rate(rate); }

  /// Counts a file that was not started; the reason was printed already.
  void count_not_started(std::size_t number, Report report);
  /// Prints how many files were not started; nothing for 0.
  void report_not_started(std::size_t count);

  /// Prints the JSON report with --json, otherwise a summary line for several files. Returns the
  /// exit code: at least 1 if the report could not be written. `error`: why there are no uploads,
  /// for the JSON report only.
  int end(const std::optional<Error>& error = {});

 private:
  class Run;

  /// Sets what the options of the command line determine.
  void apply_options(UploadRequest& request);
  /// Records the end of a file, once for each.
  void record(std::size_t number, const Report& report);
  /// Closes the event log. An incomplete log changes the exit code, but not the status of files.
  void close_event_log();
  /// Appends advice to the error of an upload that can be resumed, or whose token was refused.
  void advise(Report& report, const UploadRequest& request) const;
  /// Prints the result of a file, and counts it.
  void report_result(std::size_t number, Report report, const UploadRequest& request);
  void write_receipt(const Report& report);
  int code_of(const Error& error) const;

  const UploadOptions& options_;
  Console& console_;
  ParsedOptions parsed_;  ///< set by prepare()
  RunTokens tokens_;
  std::unique_ptr<Engine> engine_;
  TransferPlan transfers_;
  std::size_t pool_bytes_ = 0;   ///< of the engine
  std::size_t block_bytes_ = 0;  ///< of the engine
  ReceiptFiles receipts_;
  Outcomes outcomes_;
  std::unique_ptr<EventLog> events_;  ///< null: none
  std::size_t files_ = 0;             ///< files passed to upload()
  bool several_ = false;              ///< more than one file to upload
  std::set<std::string> plan_notes_;  ///< notes of a dry run that apply to many files, printed once
  bool dry_run_ = false;
  std::set<LeftOutReason> skip_;
  PlanTotals totals_;
};

}  // namespace sluice::cli
