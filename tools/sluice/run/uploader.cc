#include "tools/sluice/run/uploader.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "engine/http/blocking_exchanges.h"
#include "engine/policy/request_limit.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/process/granted.h"
#include "tools/sluice/process/memory.h"
#include "tools/sluice/process/open_files.h"
#include "tools/sluice/process/stop.h"
#include "tools/sluice/run/state_directory.h"
#include "tools/sluice/run/uploader_run.h"
#include "tools/sluice/tokens/token_source.h"
#include "tools/sluice/tokens/token_store.h"

namespace sluice::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view automatic = "auto";

/// Parses the text of an option. An error names the option.
template <class Parse>
auto parse_option(const char* option, const std::string& text, const Parse& parse) {
  auto value = parse(text);
  if (!value) value.error().message = fmt::format("{}: {}", option, value.error().message);
  return value;
}

/// How often the token file is checked.
constexpr auto look_for_token_every = std::chrono::seconds(1);

/// Parses a number, or `auto`, which returns nothing.
Result<std::optional<unsigned>> parse_count(const std::string& text, const char* option,
                                            const char* of_what, unsigned least, unsigned most) {
  if (text == automatic) return std::optional<unsigned>();
  unsigned count = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, count);
  if (error != std::errc() || end != last || count < least || count > most)
    return Error{ErrorKind::usage,
                 fmt::format("{} must be auto or a number of {} from {} to {}, not '{}'", option,
                             of_what, least, most, printable(text))};
  return std::optional<unsigned>(count);
}

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

Result<EngineOptions> Uploader::engine_options(std::uint64_t block_bytes) const {
  EngineOptions engine;
  TRY_ASSIGN(engine.pool_bytes, parse_option("--pool", options_.pool, parse_size));
  TRY_ASSIGN(engine.block_bytes, parse_option("--block", options_.block, parse_size));
  engine.block_bytes = std::max(engine.block_bytes, static_cast<std::size_t>(block_bytes));
  if (!options_.limit_rate.empty()) {
    TRY_ASSIGN(engine.bytes_per_second,
               parse_option("--limit-rate", options_.limit_rate, parse_rate));
    if (engine.bytes_per_second == 0)
      return Error{ErrorKind::usage,
                   "--limit-rate must be greater than 0; for no limit, leave the option out"};
  }
  TRY_ASSIGN(const std::optional<unsigned> threads,
             parse_count(options_.network_threads, "--network-threads", "threads", 1,
                         most_network_threads));
  engine.network_threads = threads.value_or(0);
  engine.retry.retries = options_.retries;
  engine.stall_timeout = std::chrono::seconds(options_.stall_timeout);
  engine.response_timeout = std::chrono::seconds(options_.response_timeout);
  if (!options_.register_wait.empty()) {
    TRY_ASSIGN(engine.register_wait,
               parse_option("--register-wait", options_.register_wait, parse_duration));
  }
  engine.network = options_.network;
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

Result<void> Uploader::prepare(std::size_t files, std::uint64_t block_bytes) {
  several_ = files > 1;
  if (options_.chunk != automatic) {
    TRY_ASSIGN(chunk_bytes_, parse_option("--chunk", options_.chunk, parse_size));
    if (chunk_bytes_ == 0) return Error{ErrorKind::usage, "--chunk must be at least 1 byte"};
  }
  TRY_ASSIGN(lookahead_,
             parse_count(options_.lookahead, "--lookahead", "chunks", 0, most_lookahead));
  TRY_ASSIGN(lanes_, parse_count(options_.lanes, "--lanes", "parts", 0, most_lanes));
  TRY_ASSIGN(const std::optional<unsigned> asked,
             parse_count(options_.transfers, "--transfers", "files", 1, TransferCount::most));
  if (!options_.token_wait.empty()) {
    TRY_ASSIGN(token_wait_, parse_option("--token-wait", options_.token_wait, parse_duration));
  }
  if (!options_.progress_interval.empty()) {
    TRY_ASSIGN(progress_interval_,
               parse_option("--progress-interval", options_.progress_interval, parse_duration));
    if (*progress_interval_ < std::chrono::seconds(1))
      return Error{ErrorKind::usage, "--progress-interval must be at least 1 second"};
  }
  TRY_ASSIGN(digests_, parse_digests(options_.digests));
  TRY(receipts_.check());
  if (!options_.log_json.empty()) {
    TRY_ASSIGN(events_, EventLog::open(options_.log_json));
    events_->run_start(options_.command);
    console_.log_to(events_.get());
  }
  TRY_ASSIGN(EngineOptions engine_options, this->engine_options(block_bytes));
  const Granted granted = granted_by_slurm();
  const std::size_t asked_pool = engine_options.pool_bytes;
  engine_options.pool_bytes = pool_within(granted, asked_pool, engine_options.block_bytes);
  engine_options.workers = usable_cores();
  if (const auto text = describe(granted, asked_pool, engine_options.pool_bytes); !text.empty())
    console_.detail(text);
  TRY_ASSIGN(transfers_, plan_transfers({.asked = asked,
                                         .files = files,
                                         .descriptors = open_files(),
                                         .space = address_space(),
                                         .pool_bytes = engine_options.pool_bytes}));
  if (!transfers_.warning.empty()) console_.warning(transfers_.warning);
  pool_bytes_ = engine_options.pool_bytes;
  block_bytes_ = engine_options.block_bytes;
  engine_options.uploads_at_a_time =
      transfers_.automatic ? std::min(TransferCount::fewest, transfers_.most) : transfers_.most;
  const unsigned requests = std::max(asked.value_or(0), lanes_.value_or(0));
  if (asked || requests > RequestLimit::automatic)
    engine_options.requests_at_a_time = std::max(RequestLimit::automatic, requests);
  TRY_ASSIGN(engine_, Engine::create(engine_options));
  catch_stop_signals();
  return {};
}

Result<void> Uploader::find_token(UploadRequest& request, EnvironmentToken environment) {
  const TokenSearch search{.token_file = options_.token_file,
                           .allowed = options_.token_file_mode,
                           .system = request.base_url,
                           .dataset = request.dataset,
                           .remembered = request.token_file,
                           .environment = environment};
  TRY_ASSIGN(FoundToken found, cli::find_token(search));
  TRY(check_token_wait(options_.token_wait, found, search));
  if (!found.warning.empty() && token_warnings_.insert(found.warning).second)
    console_.warning(found.warning);
  if (found.added)
    stored_tokens_.try_emplace(found.file, StoredTokenUse{request.base_url, request.dataset});
  request.token = std::move(found.token);
  request.token_file = std::move(found.file);
  return {};
}

void Uploader::warn_of_expiry(std::optional<double> left) {
  const TokenStore store(TokenStore::default_directory());
  const WallTime now = std::chrono::system_clock::now();
  for (auto& [file, token] : stored_tokens_) {
    // Read the time again: `sluice token add` may have replaced the token.
    const std::optional<StoredToken> stored = store.find(token.system, token.dataset);
    if (!stored || stored->added == token.warned) continue;
    const auto warning = expiry_warning(token.dataset, stored->added, now, left,
                                        token_add_command(token.system, token.dataset));
    if (!warning) continue;
    console_.warning(*warning);
    token.warned = stored->added;
  }
}

Result<void> Uploader::ask_server(UploadRequest& request, ProtocolKind protocol, bool fresh) {
  Inquiry inquiry{.base_url = request.base_url,
                  .dataset = request.dataset,
                  .token = request.token,
                  .protocol = protocol,
                  .fresh = fresh,
                  .stop = [] { return stop_signal() != 0; }};
  const auto deadline = Clock::now() + token_wait_;
  bool said = false;
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
    const auto refused = [&] {
      Error error = std::move(profile).error();
      error.message += store_advice(error, request);
      return error;
    };
    while (true) {
      Result<FoundToken> found = read_token(request.token_file, options_.token_file_mode);
      if (found && found->token.reveal() != inquiry.token.reveal()) {
        inquiry.token = std::move(found->token);
        break;
      }
      const auto now = Clock::now();
      if (now >= deadline) return refused();
      if (!std::exchange(said, true))
        console_.warning(fmt::format(
            "{}; waiting for another token in {} for up to {} s: get one at {}/datasets/{}/edit",
            profile.error().message, printable(request.token_file), token_wait_.count(),
            request.base_url, request.dataset));
      if (!wait_until(std::min(deadline, now + look_for_token_every), inquiry.stop))
        return Error{ErrorKind::interrupted,
                     fmt::format("interrupted while waiting for another token for dataset {}; no "
                                 "file was uploaded",
                                 request.dataset)};
    }
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

std::optional<Secret> Uploader::renewed_token(const std::string& file) {
  Result<FoundToken> found = read_token(file, options_.token_file_mode);
  if (!found) return {};  // the new file may not be complete yet
  const MutexLock lock(tokens_mutex_);
  renewed_.insert_or_assign(file, found->token);
  return std::move(found->token);
}

void Uploader::apply_options(UploadRequest& request) {
  request.read_mode = options_.read_mode;
  request.chunk_bytes = chunk_bytes_;
  request.heed_chunk_limit = chunk_bytes_ == 0;
  request.lookahead = lookahead_;
  request.lanes = lanes_;
  request.verify_chunks = options_.verify_chunks;
  request.verify_prefix = options_.verify_prefix;
  for (const DigestKind kind : digests_)
    if (std::find(request.digests.begin(), request.digests.end(), kind) == request.digests.end())
      request.digests.push_back(kind);
  request.token_wait = token_wait_;
  request.stop = [] { return stop_signal() != 0; };
  if (request.token_file.empty()) return;
  request.renew_token = [this, file = request.token_file] { return renewed_token(file); };
  const MutexLock lock(tokens_mutex_);
  if (const auto renewed = renewed_.find(request.token_file); renewed != renewed_.end())
    request.token = renewed->second;
}

void Uploader::upload(Work work) {
  files_ += work.items.size();
  dry_run_ = work.dry_run;
  Run(*this, std::move(work)).run();
}

}  // namespace sluice::cli
