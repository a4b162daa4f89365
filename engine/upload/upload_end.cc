// UploadRun: the end of an upload: report, receipt, and the last journal entry.
#include <utility>

#include "engine/base/unix_time.h"
#include "engine/upload/registered_before.h"
#include "engine/upload/upload_ending.h"
#include "engine/upload/upload_run.h"

namespace sluice {

void UploadRun::finish(Report::Status status, std::optional<Error> error) {
  enter(UploadState::over);
  sender_.stop();
  load_.leave_turn();
  place_.leave();
  token_check_.cancel(http());
  publisher_.stop();
  Report report = unfinished_report();
  UploadEnding ending{status, std::move(error)};
  const bool there_before = setting_.registered && ending.error &&
                            ending.error->kind == ErrorKind::name_taken && !sent_any_;
  if (there_before && setting_.request.verify_prefix) {
    ending.error = cannot_compare(setting_.request, *setting_.registered);
  } else if (there_before) {
    // The server has a file of this name, and the journal knows that it is this file.
    report = report_before(setting_.request, *setting_.registered);
    check_registered_digests(setting_.request.expected, report);
    ending = {report.status, report.error};
  }
  if (ending.status == Report::Status::registered && !setting_.part &&
      report.registered_before.empty()) {
    // Ignore a name with control characters or a token.
    if (std::string name = setting_.protocol->registered_name(); tokens_.redacted(name) == name)
      report.registered_as = std::move(name);
    sent_file_.add_digests(report);
    report.receipt = make_receipt(
        report, {.base_url = setting_.request.base_url,
                 .modified = sent_file_.identity().modified,
                 .started_s = setting_.earlier ? setting_.earlier->entry.started_s : started_s_,
                 .registered_s = unix_s()});
  }
  if (registration_.state().may_be_registered())
    ending = unconfirmed_if_failed(std::move(ending), setting_.protocol->can_ask_registered(),
                                   messages_.doubt());
  report.again = again_after(ending, setting_.protocol->anew());
  if (report.again != Report::Again::nothing && setting_.protocol->anew() == Protocol::Anew::all &&
      record_) {
    digest_.start_over();
    record_->start_over();
  }
  report.status = ending.status;
  if (ending.error) ending.error->message = tokens_.redacted(std::move(ending.error->message));
  report.error = std::move(ending.error);
  if (record_) write_last_entry(report);

  // Free the buffers for other uploads now, before the report is fetched.
  payload_.cancel();
  if (setting_.share) setting_.share->leave();
  sent_file_.cancel();

  // Called first: a caller of wait() may then destroy what on_over refers to.
  if (setting_.request.on_over) setting_.request.on_over();
  outcome_.end(std::move(report));
  if (on_part_over_) on_part_over_();
}

Report UploadRun::unfinished_report() const {
  Report report;
  report.dataset = setting_.request.dataset;
  report.file = setting_.request.path;
  report.name = setting_.request.name;
  report.bytes = setting_.size();
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
  return report;
}

void UploadRun::write_last_entry(const Report& report) {
  if (const std::uint64_t bytes = planner_.worth_remembering(); bytes != 0)
    record_->chunk_bytes(bytes);
  JournalEntry::State state = JournalEntry::State::unfinished;
  if (!setting_.part && report.status == Report::Status::registered)
    state = JournalEntry::State::registered;
  else if (!setting_.part && registration_.state().may_be_registered())
    state = JournalEntry::State::verifying;
  record_->end(state, report.error, report.receipt ? to_json(*report.receipt) : std::string());
}

}  // namespace sluice
