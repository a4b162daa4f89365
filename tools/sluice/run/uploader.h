#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/report.h"
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

/// Uploads files for `sluice put` and `sluice resume`, several at a time where the protocol allows
/// it: shows how far they are, obeys the stop signals, writes receipts, says what to do next, and
/// gathers the exit code. One thread at a time.
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

  /// Checks all options and starts the engine, for so many `files`. `block_bytes`: the blocks must
  /// have so many at least, as an upload that is to go on has them. Errors: usage; failed without
  /// memory or threads; local_file where receipts or sums cannot be written.
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

  /// Uploads them. Of the requests, what is the command line's is set here. Files that were not
  /// started, because of a signal or an error that concerns them too, are counted as such.
  void upload(Work work);

  /// That file could not be tried: `report` has the file, the name and the dataset, and gets the
  /// error, which is also said.
  void fail(std::size_t number, Report report, const Error& error);

  /// The same without a word: the error is that of several files, and was said.
  void count_failed(std::size_t number, Report report, const Error& error);

  /// Says an error that is no file's own, and notes its exit code.
  void fail(const Error& error);

  /// An earlier run has registered that file, as `report` says, or cannot have registered the one
  /// that is meant: nothing is sent. Said with --verbose, or where it is an error.
  void registered_before(std::size_t number, Report report);

  /// That file was not uploaded, because the user asked for that; says so. What filters leave out
  /// is said with --verbose only.
  void leave_out(const LeftOut& left_out);
  /// Files that the filters leave out and that are not said one by one.
  void count_left_out(std::size_t count) { outcomes_.count_left_out(count); }
  /// Reasons for which a file that cannot be opened is left out rather than an error (fail()).
  void set_skip(std::set<LeftOutReason> reasons) { skip_ = std::move(reasons); }

  /// What a dry run has found out about that file; says so.
  void planned(std::size_t number, Report report, const UploadPlan& plan,
               const ServerProfile& server, NameState name);
  /// Of the last uploads, for the time that a dry run estimates.
  void set_last_rate(std::optional<LastRate> rate) { totals_.set_rate(rate); }

  /// That file was not tried, for what was said already.
  void leave(std::size_t number, Report report);
  /// Says how many such files there are, if any.
  void say_left(std::size_t count);

  /// Prints the report of all as JSON if that was asked for, else a closing line where there were
  /// several, and returns the exit code. `error`: why there are no reports, for the JSON alone.
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
  bool dry_run_ = false;
  std::set<LeftOutReason> skip_;
  PlanTotals totals_;
};

}  // namespace sluice::cli
