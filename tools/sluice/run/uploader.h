#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/upload.h"
#include "tools/sluice/display/console.h"
#include "tools/sluice/run/parsed_options.h"
#include "tools/sluice/run/run_report.h"
#include "tools/sluice/run/run_tokens.h"
#include "tools/sluice/run/transfer_plan.h"
#include "tools/sluice/run/upload_options.h"
#include "tools/sluice/run/work.h"

namespace sluice::cli {

/// The uploads of one `sluice put`, `run` or `resume`: the engine, created from the options, and
/// several uploads at a time if the protocol allows it. Shows progress and handles stop signals.
/// One thread at a time.
class Uploader {
 public:
  /// Both arguments must outlive this object.
  Uploader(const UploadOptions& options, Console& console)
      : options_(options),
        console_(console),
        tokens_(options, console),
        report_(options, console) {}

  /// Checks all options and creates the engine. `files`: the number of files to upload.
  /// `block_bytes`: the minimum block size, that of an upload to resume. Errors: usage; failed
  /// without memory or threads; usage if receipts or sums cannot be written.
  Result<void> prepare(std::size_t files, std::uint64_t block_bytes = 0);

  /// Queries the server for its protocol, and sets `request.server`. If the token is refused, reads
  /// it again from its file, for up to --token-wait. `fresh`: asks the server even if the answer is
  /// remembered. Errors: those of Engine::ask_server().
  Result<void> ask_server(UploadRequest& request, ProtocolKind protocol, bool fresh);

  /// Uploads the files of `work` with the options of the command line. Files that are not started,
  /// because of a signal or of an error that concerns them, too, are counted as such.
  void upload(Work work);

  /// The tokens of the uploads.
  RunTokens& tokens() { return tokens_; }
  /// What the user learns about the files.
  RunReport& report() { return report_; }

 private:
  class Run;

  /// Sets what the options of the command line determine.
  void apply_options(UploadRequest& request);

  const UploadOptions& options_;
  Console& console_;
  ParsedOptions parsed_;  ///< set by prepare()
  RunTokens tokens_;
  RunReport report_;
  std::unique_ptr<Engine> engine_;
  TransferPlan transfers_;
  std::size_t pool_bytes_ = 0;   ///< of the engine
  std::size_t block_bytes_ = 0;  ///< of the engine
};

}  // namespace sluice::cli
