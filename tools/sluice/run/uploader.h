#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/report/report.h"
#include "engine/upload.h"
#include "io/sync.h"
#include "tools/sluice/display/console.h"
#include "tools/sluice/run/outcomes.h"
#include "tools/sluice/run/plan.h"
#include "tools/sluice/run/receipt_files.h"
#include "tools/sluice/run/transfer_plan.h"
#include "tools/sluice/run/upload_options.h"
#include "tools/sluice/run/work.h"
#include "tools/sluice/select/left_out.h"
#include "tools/sluice/tokens/token_source.h"

namespace sluice::cli {

/// The uploads of one `sluice put`, `run` or `resume`: runs several at a time where the protocol
/// allows it, shows the progress, obeys the stop signals, writes receipts, prints what to do next,
/// and collects the exit code. One thread at a time.
class Uploader {
 public:
  /// Both outlive this.
  Uploader(const UploadOptions& options, Console& console)
      : options_(options),
        console_(console),
        receipts_(options.receipts, options.sums),
        outcomes_(options.json) {}
  ~Uploader() { console_.log_to(nullptr); }
  Uploader(const Uploader&) = delete;
  Uploader& operator=(const Uploader&) = delete;

  /// Checks all options and starts the engine. `files`: the number of files to upload.
  /// `block_bytes`: the least block size, that of an upload to resume. Errors: usage; failed
  /// without memory or threads; usage where receipts or sums cannot be written.
  Result<void> prepare(std::size_t files, std::uint64_t block_bytes = 0);

  /// Finds the token of the dataset and writes it, with its file, into `request`, which has the
  /// base URL, the key and, of an earlier run, the token's file. Warns of its file's rights.
  /// Errors: those of find_token() (tokens/token_source.h), and usage for --token-wait without a
  /// file to wait at.
  Result<void> find_token(UploadRequest& request, EnvironmentToken environment);

  /// Warns, once of each, of the stored tokens that have expired, or will before the uploads are
  /// over: in `left` seconds, or nothing where that is not known.
  void warn_of_expiry(std::optional<double> left);

  /// Finds out how to speak to the server, and writes it into `request`; a token that is refused is
  /// read again from its file, and waited for as long as --token-wait says. `fresh`: asks, whatever
  /// is remembered. Errors: those of Engine::ask_server().
  Result<void> ask_server(UploadRequest& request, ProtocolKind protocol, bool fresh);

  /// Uploads the files of `work`. Sets what the command line says in their requests. Files that are
  /// not started, because of a signal or an error that concerns them too, are counted as such.
  void upload(Work work);

  /// Counts a file as failed before its upload started, and prints the error. `report` has the
  /// file, the name and the dataset. `number`: the file's place in the report.
  void fail(std::size_t number, Report report, const Error& error);

  /// Counts a file as failed and prints nothing: the error of several files is printed once.
  void count_failed(std::size_t number, Report report, const Error& error);

  /// Prints an error that concerns no single file, and notes its exit code.
  void fail(const Error& error);

  /// Counts a file that an earlier run registered, or whose earlier registration contradicts the
  /// manifest (`report.error`). Prints it with --verbose, and each error.
  void registered_before(std::size_t number, Report report);

  /// Counts and prints a file that a filter or --skip left out; what filters leave out is printed
  /// with --verbose only.
  void leave_out(const LeftOut& left_out);
  /// Counts files that the filters left out, without printing each.
  void count_left_out(std::size_t count) { outcomes_.count_left_out(count); }
  /// Reasons for which a file that cannot be opened is left out rather than an error (fail()).
  void set_skip(std::set<LeftOutReason> reasons) { skip_ = std::move(reasons); }

  /// Counts and prints what a dry run found out about a file.
  void planned(std::size_t number, Report report, const UploadPlan& plan,
               const ServerProfile& server, NameState name);
  /// Sets the rate of the last uploads, from which a dry run estimates its time.
  void set_last_rate(std::optional<LastRate> rate) { totals_.set_rate(rate); }

  /// Counts a file that was not started, for a reason that was printed already.
  void leave(std::size_t number, Report report);
  /// Prints how many files were not started; nothing for 0.
  void say_left(std::size_t count);

  /// Prints the JSON report with --json, else a closing line for several files. Returns the exit
  /// code: at least 1 where standard output did not take the whole report. `error`: why there are
  /// no uploads, for the JSON report only.
  int end(const std::optional<Error>& error = {});

 private:
  class Run;

  Result<EngineOptions> engine_options(std::uint64_t block_bytes) const;
  void complete(UploadRequest& request);
  /// What the file has in place of a token that was refused; nothing if it has none. The uploads
  /// that start later begin with it. Any thread.
  std::optional<Secret> renewed_token(const std::string& file);
  /// Every file's end comes here, once.
  void count(std::size_t number, const Report& report);
  /// Ends the event log, if there is one. An incomplete log is an error as an incomplete list of
  /// checksums is: nothing is wrong with the files.
  void end_events();
  /// Adds what to do next to the error of an upload that can be resumed, or whose token was
  /// refused.
  void advise(Report& report, const UploadRequest& request) const;
  /// What follows an error about a token of the store that the server refused; empty for all
  /// others.
  std::string store_advice(const Error& error, const UploadRequest& request) const;
  /// Says how it ended, and counts it.
  void tell(std::size_t number, Report report, const UploadRequest& request);
  void write_receipt(const Report& report);
  int code_of(const Error& error) const;

  const UploadOptions& options_;
  Console& console_;
  std::uint64_t chunk_bytes_ = 0;  ///< 0: auto
  std::optional<unsigned> lookahead_;
  std::optional<unsigned> lanes_;
  std::chrono::seconds token_wait_{0};
  std::optional<std::chrono::seconds> progress_interval_;
  std::vector<DigestKind> digests_;
  /// Those of the store that are used, and when the one that was warned of was stored.
  struct StoredOne {
    std::string system;
    std::string dataset;
    std::optional<WallTime> warned = {};
  };
  std::map<std::string, StoredOne> stored_tokens_;  ///< by their files
  std::set<std::string> token_warnings_;            ///< said: many uploads have one token file
  Mutex tokens_mutex_;
  std::map<std::string, Secret> renewed_ SLUICE_GUARDED_BY(tokens_mutex_);  ///< by their files
  std::unique_ptr<Engine> engine_;
  TransferPlan transfers_;
  std::size_t pool_bytes_ = 0;   ///< the engine's
  std::size_t block_bytes_ = 0;  ///< the same
  ReceiptFiles receipts_;
  Outcomes outcomes_;
  std::unique_ptr<EventLog> events_;  ///< null: none
  std::size_t files_ = 0;             ///< that upload() was to upload
  bool several_ = false;              ///< there are several files to upload
  std::set<std::string> plan_notes_;  ///< what a dry run has to say of many files, once
  bool dry_run_ = false;
  std::set<LeftOutReason> skip_;
  PlanTotals totals_;
};

}  // namespace sluice::cli
