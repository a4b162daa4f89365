#include "tools/sluice/run/run_report.h"

#include <fmt/format.h>
#include <signal.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/process/stop.h"
#include "tools/sluice/run/state_directory.h"

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

/// Appends how to resume, if the upload can be resumed. `several`: the run has several files.
void advise(Report& report, bool several, const std::string& state_dir) {
  if (!report.resumable || !resuming_helps(*report.error)) return;
  std::string& message = report.error->message;
  if (report.committed > 0)
    message += fmt::format("; the server has {} of {}", format_size(report.committed),
                           format_size(report.bytes));
  // `sluice resume` does not start files that were not started before.
  message += several && report.status == Report::Status::interrupted
                 ? "; to resume, run the same command again"
                 : fmt::format("; to resume, run the same command again, or: sluice resume{} {}",
                               state_dir_argument(state_dir), report.dataset);
}

/// Returns the exit code for `error`: that of the signal, if a signal interrupted the run.
int code_of(const Error& error) {
  return error.kind == ErrorKind::interrupted && stop_signal() != 0 ? 128 + stop_signal()
                                                                    : exit_code(error);
}

/// Returns the reason for skipping a file that cannot be opened; nullopt if it is an error.
std::optional<LeftOutReason> skipped(const std::set<LeftOutReason>& skip, const Error& error) {
  if (error.kind != ErrorKind::local_file) return {};
  std::optional<LeftOutReason> reason;
  if (error.code == ENOENT || error.code == ENOTDIR) reason = LeftOutReason::missing;
  if (error.code == EACCES || error.code == EPERM) reason = LeftOutReason::unreadable;
  return reason && skip.contains(*reason) ? reason : std::nullopt;
}

/// Returns an object of "left_out" in the report (sluice-json(5)).
std::string left_out_json(const LeftOut& item) {
  const nlohmann::ordered_json json{
      {"file", item.path}, {"reason", to_string(item.reason)}, {"message", item.message()}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

RunReport::~RunReport() {
  console_.log_to(nullptr);
}

Result<void> RunReport::open() {
  TRY(receipts_.check());
  if (options_.log_json.empty()) return {};
  TRY_ASSIGN(events_, EventLog::open(options_.log_json));
  events_->run_start(options_.command);
  console_.log_to(events_.get());
  return {};
}

void RunReport::begin_files(std::size_t count, bool dry_run) {
  files_ += count;
  dry_run_ = dry_run;
}

void RunReport::file_planned(std::size_t number, Report report, const UploadPlan& plan,
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

void RunReport::file_ended(std::size_t number, Report report, const ServerProfile& server) {
  switch (report.status) {
    case Report::Status::registered:
      if (!options_.json)
        console_.result(!report.registered_before.empty()         ? cli::registered_before(report)
                        : files_ > 1 && !options_.console.verbose ? summary_line(report)
                                                                  : summary(report));
      write_receipt(report);
      break;
    case Report::Status::skipped:
      --files_;  // counted in begin_files()
      file_planned(number, std::move(report), {}, server,
                   server.protocol == ProtocolKind::phased ? NameState::free : NameState::unknown);
      return;
    case Report::Status::interrupted:
    case Report::Status::failed:
    case Report::Status::unconfirmed:
      advise(report, several_, options_.state_dir);
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

void RunReport::write_receipt(const Report& report) {
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

void RunReport::record(std::size_t number, const Report& report) {
  if (events_) events_->file_end(report);
  outcomes_.add(number, report);
}

void RunReport::close_event_log() {
  if (!events_) return;
  events_->run_end(outcomes_.code());
  const std::optional<std::string> missing = events_->finish();
  console_.log_to(nullptr);
  events_.reset();
  if (!missing) return;
  outcomes_.note_code(1);
  console_.error(*missing);
}

void RunReport::fail(std::size_t number, Report report, const Error& error) {
  if (const auto reason = skipped(skip_, error)) {
    file_left_out({.path = report.file, .reason = *reason, .why = printable(error.message)});
    return;
  }
  console_.error(printable(error.message));
  count_failed(number, std::move(report), error);
}

void RunReport::count_failed(std::size_t number, Report report, const Error& error) {
  report.status = error.kind == ErrorKind::interrupted   ? Report::Status::interrupted
                  : error.kind == ErrorKind::unconfirmed ? Report::Status::unconfirmed
                                                         : Report::Status::failed;
  report.error = error;
  report.error->message = printable(error.message);
  outcomes_.note_code(code_of(error));
  record(number, report);
}

void RunReport::fail(const Error& error) {
  console_.error(printable(error.message));
  outcomes_.note_code(code_of(error));
}

void RunReport::registered_before(std::size_t number, Report report) {
  if (report.error) {
    console_.error(report.error->message);
    outcomes_.note_code(exit_code(*report.error));
  } else {
    const std::string line = cli::registered_before(report);
    if (!several_ && !options_.json)
      console_.result(line);
    else
      console_.detail(line.substr(0, line.find('\n')));
    write_receipt(report);
  }
  ++files_;
  record(number, report);
}

void RunReport::file_left_out(const LeftOut& item) {
  const std::string notice = printable(item.notice());
  if (item.reason == LeftOutReason::filter)
    console_.detail(notice);
  else
    console_.warning(notice);
  if (events_) events_->left_out(item.path, to_string(item.reason), item.message());
  outcomes_.add_left_out(left_out_json(item));
}

void RunReport::count_not_started(std::size_t number, Report report) {
  report.status = Report::Status::skipped;
  record(number, report);
}

void RunReport::report_not_started(std::size_t count) {
  if (count > 0)
    console_.error(
        fmt::format("{} more {} not started", count, count == 1 ? "file was" : "files were"));
}

int RunReport::end(const std::optional<Error>& error) {
  const bool several = outcomes_.count() + outcomes_.left_out() > 1;
  if (options_.json) {
    if (!totals_.empty()) outcomes_.add_field(totals_.json());
    outcomes_.write_json([&](const std::string& text) { console_.report(text); }, error);
    console_.report("\n");
  } else if (files_ > 0 && (several || !totals_.empty())) {
    for (const std::string& note : plan_notes_) console_.result(note + '\n');
    std::string line = outcomes_.summary_line(dry_run_);
    if (several_ && !dry_run_ && outcomes_.is_incomplete())
      line += "; to continue, run the same command again";
    if (!totals_.empty()) line += "; " + totals_.text();
    if (outcomes_.code() == 0)
      console_.result(line + '\n');
    else
      console_.error(line);
  }
  close_event_log();
  if (!console_.finish()) {
    console_.error(
        "cannot write the report to standard output; registered files stay registered: see sluice "
        "status --all");
    outcomes_.note_code(stop_signal() != 0 ? 128 + stop_signal() : 1);
  }
  return outcomes_.code();
}

}  // namespace sluice::cli
