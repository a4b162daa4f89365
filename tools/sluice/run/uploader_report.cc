// What an Uploader says of a file that is done with, and what to do next.
#include <fmt/format.h>
#include <signal.h>

#include <utility>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/process/stop.h"
#include "tools/sluice/run/state_directory.h"
#include "tools/sluice/run/uploader.h"

namespace sluice::cli {
namespace {

/// Returns whether running the same command again can succeed. Errors about the file, the name or
/// wrong bytes at the server have advice of their own.
bool resuming_helps(const Error& error) {
  switch (error.kind) {
    case ErrorKind::local_file:
    case ErrorKind::name_taken:
    case ErrorKind::usage:
      return false;
    case ErrorKind::integrity:
      return error.retryable;
    case ErrorKind::unconfirmed:  // the message has advice
      return false;
    default:
      return true;
  }
}

}  // namespace

void Uploader::report_plan(std::size_t number, Report report, const UploadPlan& plan,
                           const ServerProfile& server, NameState name) {
  dry_run_ = true;
  ++files_;
  report.protocol = to_string(server.protocol);
  report.status = Report::Status::skipped;
  if (plan.action == UploadPlan::Action::none) report.registered_before = plan.registered_before;
  if (!options_.json && several_) {
    console_.result(short_plan_line(report, plan));
    if (plan.action == UploadPlan::Action::upload) plan_notes_.insert(plan_note(server, name));
  } else if (!options_.json) {
    console_.result(plan_line(report, plan, server, name));
  }
  totals_.add(plan, report.bytes);
  outcomes_.add(number, report, plan_json(plan, report.bytes));
}

void Uploader::report_result(std::size_t number, Report report, const UploadRequest& request) {
  switch (report.status) {
    case Report::Status::registered:
      if (!options_.json)
        console_.result(!report.registered_before.empty()         ? cli::registered_before(report)
                        : files_ > 1 && !options_.console.verbose ? summary_line(report)
                                                                  : summary(report));
      write_receipt(report);
      break;
    case Report::Status::skipped:
      --files_;  // counted in upload()
      report_plan(
          number, std::move(report), {}, request.server,
          request.server.protocol == ProtocolKind::phased ? NameState::free : NameState::unknown);
      return;
    case Report::Status::interrupted:
    case Report::Status::failed:
    case Report::Status::unconfirmed:
      advise(report, request);
      // The summary line lists the other files, of which nothing is at the server.
      if (report.status == Report::Status::interrupted && report.committed == 0 && several_ &&
          !options_.json)
        console_.detail(report.error->message);
      else
        console_.error(report.error->message);
      // Without a signal, the run was interrupted by the failure of another file, whose code
      // counts.
      if (report.status != Report::Status::interrupted)
        outcomes_.note_code(exit_code(*report.error));
      else if (stop_signal() != 0 || outcomes_.code() == 0)
        outcomes_.note_code(128 + (stop_signal() != 0 ? stop_signal() : SIGINT));
      break;
  }
  record(number, report);
}

void Uploader::advise(Report& report, const UploadRequest& request) const {
  std::string& message = report.error->message;
  message += tokens_.store_advice(*report.error, request);
  if (!report.resumable || !resuming_helps(*report.error)) return;
  if (report.committed > 0)
    message += fmt::format("; the server has {} of {}", format_size(report.committed),
                           format_size(report.bytes));
  // `sluice resume` does not start files that were not started before.
  message += several_ && report.status == Report::Status::interrupted
                 ? "; to resume, run the same command again"
                 : fmt::format("; to resume, run the same command again, or: sluice resume{} {}",
                               state_dir_argument(options_.state_dir), report.dataset);
}

void Uploader::write_receipt(const Report& report) {
  if (!receipts_.wanted()) return;
  if (!report.receipt) {
    if (!receipts_.exists(report.name))
      console_.warning(
          fmt::format("no receipt was written for {}: the journal has no receipt of this file",
                      printable(report.file)));
    return;
  }
  const Result<void> written = receipts_.write(report);
  if (written) return;
  outcomes_.note_code(1);  // the upload itself succeeded
  console_.error(
      fmt::format("{}; the file is registered, and the journal has the receipt: sluice status "
                  "--all --json",
                  printable(written.error().message)));
}

}  // namespace sluice::cli
