// UploadRun: the end of an upload: report, receipt, and the last journal entry.
#include <utility>

#include "engine/base/clock.h"
#include "engine/upload/registered_before.h"
#include "engine/upload/upload_run.h"

namespace sluice {

void UploadRun::finish(Report::Status status, std::optional<Error> error) {
  enter(UploadState::over);
  sender_.stop();
  load_.leave_turn();
  place_.leave();
  token_check_.cancel(http());
  Report report;
  report.dataset = setting_.request.dataset;
  report.file = setting_.request.path;
  report.name = setting_.request.name;
  report.bytes = setting_.source->identity().size;
  report.committed = committed_;
  report.protocol = setting_.protocol->name();
  report.seconds = times_.seconds();
  report.chunks = planner_.chunks();
  report.retries = recovery_.retries();
  report.resumed_from = resumed_from_;
  report.rate_limit = setting_.bytes_per_second;
  report.looked_ahead = sender_.has_pipelined();
  report.stages = times_.stages(clocks_);
  if (setting_.preparation) setting_.preparation->add_to(report);
  const bool there_before =
      setting_.registered && error && error->kind == ErrorKind::name_taken && !sent_any_;
  if (there_before && setting_.request.verify_prefix) {
    error = cannot_compare(setting_.request, *setting_.registered);
  } else if (there_before) {
    // The server has a file of this name, and the journal knows that it is this file.
    report = report_before(setting_.request, *setting_.registered);
    check_registered_digests(setting_.request.expected, report);
    status = report.status;
    error = report.error;
  }
  if (status == Report::Status::registered && !setting_.part && report.registered_before.empty()) {
    // Ignore a name with control characters or a token.
    if (std::string name = setting_.protocol->registered_name(); redacted(name) == name)
      report.registered_as = std::move(name);
    sent_file_.add_digests(report);
    report.receipt = receipt(report);
  }
  if (status == Report::Status::failed && registration_.may_be_registered()) {
    status = Report::Status::unconfirmed;
    if (error->kind == ErrorKind::unreachable || error->kind == ErrorKind::failed ||
        error->kind == ErrorKind::integrity)
      error->kind = ErrorKind::unconfirmed;
    // If the server can be asked, earlier error messages did not mention the doubt.
    if (setting_.protocol->can_ask_registered() && error->kind != ErrorKind::local_file)
      error->message += "; " + setting_.protocol->doubt();
  }
  using Anew = Protocol::Anew;
  const Anew anew = setting_.protocol->anew();
  if (status == Report::Status::failed && anew != Anew::nothing &&
      (error->kind == ErrorKind::failed || error->kind == ErrorKind::integrity)) {
    report.again = anew == Anew::whole ? Report::Again::whole : Report::Again::what_is_missing;
    if (anew == Anew::all && record_) {
      digest_.start_over();
      record_->start_over();
    }
  }
  report.status = status;
  if (error) error->message = redacted(std::move(error->message));
  report.error = std::move(error);
  if (const std::uint64_t bytes = planner_.worth_remembering(); record_ && bytes != 0)
    record_->chunk_bytes(bytes);
  if (record_)
    record_->end(setting_.part                          ? JournalEntry::State::unfinished
                 : status == Report::Status::registered ? JournalEntry::State::registered
                 : registration_.may_be_registered()    ? JournalEntry::State::verifying
                                                        : JournalEntry::State::unfinished,
                 report.error, report.receipt ? to_json(*report.receipt) : std::string());

  // Free the buffers for other uploads now, before the report is fetched.
  payload_.cancel();
  if (setting_.share) setting_.share->leave();
  sent_file_.cancel();

  // Called first: a caller of wait() may then destroy what on_over refers to.
  if (setting_.request.on_over) setting_.request.on_over();
  outcome_.end(std::move(report));
  if (on_part_over_) on_part_over_();
}

Receipt UploadRun::receipt(const Report& report) const {
  const auto unix_ns = [](std::chrono::system_clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  };
  constexpr std::int64_t second = 1'000'000'000;
  Receipt receipt;
  receipt.file = report.file;
  receipt.name = report.name;
  receipt.registered_as = report.registered_as;
  receipt.dataset = report.dataset;
  receipt.system = setting_.request.base_url;
  receipt.bytes = report.bytes;
  receipt.modified = utc_time(sent_file_.identity().modified);
  receipt.started = utc_time(setting_.earlier ? setting_.earlier->entry.started_s * second
                                              : unix_ns(started_) / second * second);
  receipt.registered = utc_time(unix_ns(wall_now()) / second * second);
  receipt.xxh128 = report.xxh128;
  receipt.md5 = report.md5;
  receipt.sha256 = report.sha256;
  receipt.protocol = report.protocol;
  receipt.version = SLUICE_VERSION;
  return receipt;
}

}  // namespace sluice
