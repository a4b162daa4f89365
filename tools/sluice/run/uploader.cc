#include "tools/sluice/run/uploader.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/base/text.h"
#include "engine/policy/request_limit.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/process/granted.h"
#include "tools/sluice/process/memory.h"
#include "tools/sluice/process/open_files.h"
#include "tools/sluice/process/stop.h"
#include "tools/sluice/run/uploader_run.h"

namespace sluice::cli {
namespace {

/// Returns the reason for skipping a file that cannot be opened; nothing if it is an error.
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

Result<void> Uploader::prepare(std::size_t files, std::uint64_t block_bytes) {
  several_ = files > 1;
  TRY_ASSIGN(parsed_, parse_upload_options(options_));
  TRY(receipts_.check());
  if (!options_.log_json.empty()) {
    TRY_ASSIGN(events_, EventLog::open(options_.log_json));
    events_->run_start(options_.command);
    console_.log_to(events_.get());
  }
  TRY_ASSIGN(EngineOptions engine_options, parse_engine_options(options_, block_bytes));
  engine_options.log = [this](LogLevel level, const std::string& text) {
    if (level == LogLevel::warning)
      console_.warning(text);
    else
      console_.detail(text);
  };
  const Granted granted = granted_by_slurm();
  const std::size_t asked_pool = engine_options.pool_bytes;
  engine_options.pool_bytes = pool_within(granted, asked_pool, engine_options.block_bytes);
  engine_options.workers = usable_cores();
  if (const auto text = describe(granted, asked_pool, engine_options.pool_bytes); !text.empty())
    console_.detail(text);
  TRY_ASSIGN(transfers_, plan_transfers({.asked = parsed_.transfers,
                                         .files = files,
                                         .descriptors = open_files(),
                                         .space = address_space(),
                                         .pool_bytes = engine_options.pool_bytes}));
  if (!transfers_.warning.empty()) console_.warning(transfers_.warning);
  pool_bytes_ = engine_options.pool_bytes;
  block_bytes_ = engine_options.block_bytes;
  engine_options.uploads_at_a_time =
      transfers_.automatic ? std::min(TransferCount::fewest, transfers_.most) : transfers_.most;
  const unsigned requests = std::max(parsed_.transfers.value_or(0), parsed_.lanes.value_or(0));
  if (parsed_.transfers || requests > RequestLimit::automatic)
    engine_options.requests_at_a_time = std::max(RequestLimit::automatic, requests);
  TRY_ASSIGN(engine_, Engine::create(engine_options));
  catch_stop_signals();
  return {};
}

Result<void> Uploader::ask_server(UploadRequest& request, ProtocolKind protocol, bool fresh) {
  Inquiry inquiry{.base_url = request.base_url,
                  .dataset = request.dataset,
                  .token = request.token,
                  .protocol = protocol,
                  .fresh = fresh,
                  .stop = [] { return stop_signal() != 0; }};
  RunTokens::Wait wait{parsed_.token_wait, RunTokens::Clock::now() + parsed_.token_wait};
  while (true) {
    Result<ServerProfile> profile = engine_->ask_server(inquiry);
    if (profile) {
      request.server = *std::move(profile);
      request.token = inquiry.token;
      if (!request.server.remembered)
        console_.detail(fmt::format("{}: protocol {}{}", request.base_url,
                                    to_string(request.server.protocol),
                                    protocol == ProtocolKind::automatic ? "" : " (as requested)"));
      return {};
    }
    if (profile.error().kind != ErrorKind::token_refused || request.token_file.empty())
      return std::move(profile).error();
    TRY_ASSIGN(inquiry.token,
               tokens_.wait_for_another(request, inquiry.token, std::move(profile).error(), wait));
  }
}

int Uploader::code_of(const Error& error) const {
  return error.kind == ErrorKind::interrupted && stop_signal() != 0 ? 128 + stop_signal()
                                                                    : exit_code(error);
}

void Uploader::record(std::size_t number, const Report& report) {
  if (events_) events_->file_end(report);
  outcomes_.add(number, report);
}

void Uploader::close_event_log() {
  if (!events_) return;
  events_->run_end(outcomes_.code());
  const std::optional<std::string> missing = events_->finish();
  console_.log_to(nullptr);
  events_.reset();
  if (!missing) return;
  outcomes_.note_code(1);
  console_.error(*missing);
}

void Uploader::fail(std::size_t number, Report report, const Error& error) {
  if (const auto reason = skipped(skip_, error)) {
    report_left_out({.path = report.file, .reason = *reason, .why = printable(error.message)});
    return;
  }
  console_.error(printable(error.message));
  count_failed(number, std::move(report), error);
}

void Uploader::count_failed(std::size_t number, Report report, const Error& error) {
  report.status = error.kind == ErrorKind::interrupted   ? Report::Status::interrupted
                  : error.kind == ErrorKind::unconfirmed ? Report::Status::unconfirmed
                                                         : Report::Status::failed;
  report.error = error;
  report.error->message = printable(error.message);
  outcomes_.note_code(code_of(error));
  record(number, report);
}

void Uploader::fail(const Error& error) {
  console_.error(printable(error.message));
  outcomes_.note_code(code_of(error));
}

void Uploader::registered_before(std::size_t number, Report report) {
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

void Uploader::report_left_out(const LeftOut& item) {
  const std::string notice = printable(item.notice());
  if (item.reason == LeftOutReason::filter)
    console_.detail(notice);
  else
    console_.warning(notice);
  if (events_) events_->left_out(item.path, to_string(item.reason), item.message());
  outcomes_.add_left_out(left_out_json(item));
}

void Uploader::count_not_started(std::size_t number, Report report) {
  report.status = Report::Status::skipped;
  record(number, report);
}

void Uploader::report_not_started(std::size_t count) {
  if (count > 0)
    console_.error(
        fmt::format("{} more {} not started", count, count == 1 ? "file was" : "files were"));
}

int Uploader::end(const std::optional<Error>& error) {
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

void Uploader::apply_options(UploadRequest& request) {
  apply(options_, parsed_, request);
  request.stop = [] { return stop_signal() != 0; };
  tokens_.renew_for(request);
}

void Uploader::upload(Work work) {
  files_ += work.items.size();
  dry_run_ = work.dry_run;
  Run(*this, std::move(work)).run();
}

}  // namespace sluice::cli
