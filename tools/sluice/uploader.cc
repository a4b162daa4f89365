#include "tools/sluice/uploader.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "engine/progress_meter.h"
#include "engine/state_dir.h"
#include "engine/text.h"
#include "engine/units.h"
#include "io/replace_file.h"
#include "tools/sluice/progress_line.h"
#include "tools/sluice/report_text.h"
#include "tools/sluice/stop.h"
#include "tools/sluice/token_source.h"

namespace sluice::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// Before anything is sent: a receipt that cannot be written after three days is a nuisance.
Result<void> check_writable_directory(const std::string& path, const char* what) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return errno_error(
        ErrorKind::usage, errno,
        fmt::format("the directory {} for {} cannot be used", printable(path), what));
  if (!S_ISDIR(status.st_mode))
    return Error{ErrorKind::usage,
                 fmt::format("{} is no directory, which {} need", printable(path), what)};
  if (::access(path.c_str(), W_OK | X_OK) != 0)
    return errno_error(ErrorKind::usage, errno,
                       fmt::format("{} cannot be written into {}", what, printable(path)));
  return {};
}

constexpr std::string_view automatic = "auto";

Result<unsigned> parse_lookahead(const std::string& text) {
  unsigned chunks = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, chunks);
  if (error != std::errc() || end != last || chunks > most_lookahead)
    return Error{ErrorKind::usage,
                 fmt::format("--lookahead takes auto or a number of chunks from 0 to {}, not '{}'",
                             most_lookahead, printable(text))};
  return chunks;
}

/// Whether the same command again can have another end. What is wrong with the file, the name or
/// the server's bytes has its own advice.
bool helps_to_go_on(const Error& error) {
  switch (error.kind) {
    case ErrorKind::local_file:
    case ErrorKind::name_taken:
    case ErrorKind::usage:
      return false;
    case ErrorKind::integrity:
      return error.retryable;
    default:
      return true;
  }
}

}  // namespace

Result<std::string> state_dir(const UploadOptions& options) {
  if (!options.state_dir.empty()) return options.state_dir;
  std::string usual = default_state_dir();
  if (usual.empty() && options.no_journal) return usual;
  if (usual.empty())
    return Error{ErrorKind::usage,
                 "there is no place for the journal, as neither XDG_STATE_HOME nor HOME is set: "
                 "give one with --state-dir, or do without resuming with --no-journal"};
  return usual;
}

Result<EngineOptions> Uploader::engine_options(std::uint64_t block_bytes) const {
  EngineOptions engine;
  TRY_ASSIGN(engine.pool_bytes, parse_size(options_.pool));
  TRY_ASSIGN(engine.block_bytes, parse_size(options_.block));
  engine.block_bytes = std::max(engine.block_bytes, static_cast<std::size_t>(block_bytes));
  if (!options_.limit_rate.empty()) {
    TRY_ASSIGN(engine.bytes_per_second, parse_rate(options_.limit_rate));
    if (engine.bytes_per_second == 0)
      return Error{ErrorKind::usage, "a rate limit of 0 would never end; leave --limit-rate away"};
  }
  engine.retry.retries = options_.retries;
  engine.stall_timeout = std::chrono::seconds(options_.stall_timeout);
  engine.response_timeout = std::chrono::seconds(options_.response_timeout);
  if (!options_.register_wait.empty()) {
    TRY_ASSIGN(engine.register_wait, parse_duration(options_.register_wait));
  }
  TRY_ASSIGN(engine.state_dir, state_dir(options_));
  engine.journal = !options_.no_journal;
  engine.log = [this](LogLevel level, const std::string& text) {
    if (level == LogLevel::warning)
      console_.warning(text);
    else
      console_.detail(text);
  };
  return engine;
}

Result<void> Uploader::prepare(std::uint64_t block_bytes) {
  if (options_.chunk != automatic) {
    TRY_ASSIGN(chunk_bytes_, parse_size(options_.chunk));
    if (chunk_bytes_ == 0) return Error{ErrorKind::usage, "--chunk must be at least one byte"};
  }
  if (options_.lookahead != automatic) {
    TRY_ASSIGN(lookahead_, parse_lookahead(options_.lookahead));
  }
  if (!options_.token_wait.empty()) {
    TRY_ASSIGN(token_wait_, parse_duration(options_.token_wait));
    if (token_wait_.count() > 0 && (options_.token_file.empty() || options_.token_file == "-"))
      return Error{ErrorKind::usage,
                   "--token-wait needs a --token-file, which is where the new token is to appear"};
  }
  TRY_ASSIGN(digests_, parse_digests(options_.digests));
  if (!options_.receipts.empty()) TRY(check_writable_directory(options_.receipts, "receipts"));
  if (!options_.sums.empty()) {
    const std::string parent = std::filesystem::path(options_.sums).parent_path().string();
    TRY(check_writable_directory(parent.empty() ? "." : parent, "sums"));
  }
  TRY_ASSIGN(const EngineOptions engine_options, this->engine_options(block_bytes));
  TRY_ASSIGN(engine_, Engine::create(engine_options));
  catch_stop_signals();
  return {};
}

void Uploader::fail(Report& report, const Error& error) {
  report.status = Report::Status::failed;
  report.error = error;
  report.error->message = printable(error.message);
  if (code_ == 0) code_ = exit_code(error);
}

bool Uploader::ends_all(const Report& report) {
  if (stop_signal() != 0) return true;
  if (!report.error) return false;
  switch (report.error->kind) {
    case ErrorKind::token_refused:
    case ErrorKind::no_such_dataset:
    case ErrorKind::unreachable:
    case ErrorKind::interrupted:
      return true;
    default:
      return false;
  }
}

void Uploader::left(std::size_t count) {
  if (count == 0) return;
  console_.error(
      fmt::format("{} more {} not tried", count, count == 1 ? "file was" : "files were"));
  if (code_ == 0) code_ = 128 + stop_signal();
}

int Uploader::end(const std::vector<Report>& reports) {
  if (options_.json) {
    const std::string report = json_report(reports) + '\n';
    std::fwrite(report.data(), 1, report.size(), stdout);
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    console_.error("the report could not be written to standard output");
  return code_;
}

void Uploader::upload(UploadRequest request, Report& report) {
  request.read_mode = options_.read_mode;
  request.chunk_bytes = chunk_bytes_;
  request.heed_chunk_limit = chunk_bytes_ == 0;
  request.lookahead = lookahead_;
  request.verify_prefix = options_.verify_prefix;
  for (const DigestKind kind : digests_)
    if (std::find(request.digests.begin(), request.digests.end(), kind) == request.digests.end())
      request.digests.push_back(kind);
  request.token_wait = token_wait_;
  if (!request.token_file.empty())
    request.renew_token = [file = request.token_file]() -> std::optional<Secret> {
      Result<Secret> token = read_token(file);
      if (!token) return {};  // it may be on its way
      return *std::move(token);
    };

  Result<std::unique_ptr<Upload>> upload = engine_->start(request);
  if (!upload) {
    fail(report, upload.error());
    console_.error(report.error->message);
    return;
  }
  watch(**upload, report.name);
  report = (*upload)->wait();
  console_.clear_line();
  switch (report.status) {
    case Report::Status::registered:
      if (!options_.json) console_.result(summary(report));
      write_receipt(report);
      return;
    case Report::Status::skipped:
      if (!options_.json)
        console_.result(
            fmt::format("{} ({}) would be deposited into dataset {} as '{}': the name is free\n",
                        printable(report.file), format_size(report.bytes), report.dataset,
                        printable(report.name)));
      return;
    case Report::Status::interrupted:
      if (code_ == 0) code_ = 128 + (stop_signal() != 0 ? stop_signal() : SIGINT);
      break;
    case Report::Status::failed:
    case Report::Status::unconfirmed:
      if (code_ == 0) code_ = exit_code(*report.error);
      break;
  }
  if (report.resumable && helps_to_go_on(*report.error))
    report.error->message += fmt::format(
        "; {} of {} are at the server, and the same command, or 'sluice resume {}', goes on from "
        "there",
        format_size(report.committed), format_size(report.bytes), report.dataset);
  console_.error(report.error->message);
}

void Uploader::write_receipt(const Report& report) {
  Result<void> written;
  if (!options_.receipts.empty())
    written = write_whole_file(
        (std::filesystem::path(options_.receipts) / (report.name + std::string(receipt_suffix)))
            .string(),
        to_json(*report.receipt), 0644);
  if (written && !options_.sums.empty())
    written = append_to_file(options_.sums, sums_lines(*report.receipt, report.file));
  if (written) return;
  if (code_ == 0) code_ = 1;  // nothing is wrong with the file
  console_.error(
      fmt::format("{}; the file is registered all the same, and its receipt is in the "
                  "journal ('sluice status --all --json')",
                  printable(written.error().message)));
}

void Uploader::watch(Upload& upload, const std::string& name) {
  constexpr auto tick = std::chrono::milliseconds(100);
  ProgressLine line(console_);
  ProgressMeter meter;
  bool cancelled = false;
  while (!upload.wait_until(Clock::now() + tick)) {
    if (stop_signal() != 0 && !std::exchange(cancelled, true)) upload.cancel();
    const auto now = Clock::now();
    const Progress progress = upload.progress();
    meter.update(now, progress.sent);
    line.show(progress_text(name, progress, meter), now);
  }
}

}  // namespace sluice::cli
