#include "tools/sluice/put.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "engine/base_url.h"
#include "engine/deposit.h"
#include "engine/progress_meter.h"
#include "engine/text.h"
#include "engine/units.h"
#include "engine/upload.h"
#include "io/buffer_pool.h"
#include "io/open_source.h"
#include "tools/sluice/report_text.h"
#include "tools/sluice/token_source.h"

namespace sluice::cli {
namespace {

using Clock = std::chrono::steady_clock;

volatile sig_atomic_t stop_signal = 0;

void remember_signal(int number) {
  stop_signal = number;
}

void catch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = remember_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // a second one ends the program at once
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction before {};
    sigaction(number, nullptr, &before);
    // Whoever started us in the background had it ignored, and means it.
    if (before.sa_handler != SIG_IGN) sigaction(number, &action, nullptr);
  }
  // A reader of our output that went away is no reason to give up an upload.
  signal(SIGPIPE, SIG_IGN);
}

Result<std::string> base_url(const PutOptions& options) {
  static const std::map<std::string, std::string> systems{
      {"production", "https://databank.illinois.edu"},
      {"demo", "https://demo.databank.illinois.edu"},
      {"local", "http://localhost:3000"}};
  std::string url = options.url;
  if (url.empty() && options.system.empty())
    if (const char* const value = std::getenv("SLUICE_URL")) url = value;
  if (url.empty()) url = systems.at(options.system.empty() ? "production" : options.system);
  return check_base_url(url, options.insecure_http);
}

Result<EngineOptions> engine_options(const PutOptions& options, Console& console) {
  EngineOptions engine;
  TRY_ASSIGN(engine.pool_bytes, parse_size(options.pool));
  TRY_ASSIGN(engine.block_bytes, parse_size(options.block));
  if (!options.limit_rate.empty()) {
    TRY_ASSIGN(engine.bytes_per_second, parse_rate(options.limit_rate));
    if (engine.bytes_per_second == 0)
      return Error{ErrorKind::usage, "a rate limit of 0 would never end; leave --limit-rate away"};
  }
  engine.stall_timeout = std::chrono::seconds(options.stall_timeout);
  engine.response_timeout = std::chrono::seconds(options.response_timeout);
  engine.log = [&console](LogLevel level, const std::string& text) {
    if (level == LogLevel::warning)
      console.warning(text);
    else
      console.detail(text);
  };
  return engine;
}

std::string deposit_name(const PutOptions& options, const std::string& file) {
  return options.name.empty() ? std::filesystem::path(file).filename().string() : options.name;
}

/// What can be known of a file without the server.
Result<std::uint64_t> check_file(const PutOptions& options, const std::string& file) {
  TRY_ASSIGN(const OpenedSource opened,
             open_source(file, ReadMode::buffered, BufferPool::alignment));
  const std::uint64_t size = opened.source->identity().size;
  TRY(check_file_size(file, size));
  TRY(check_deposit_name(deposit_name(options, file)));
  return size;
}

/// A whole run of `sluice put`.
class Put {
 public:
  Put(const PutOptions& options, Console& console) : options_(options), console_(console) {
    for (const std::string& file : options.files) {
      Report report;
      report.dataset = options.dataset;
      report.file = file;
      report.name = deposit_name(options, file);
      report.protocol = "phased";
      reports_.push_back(std::move(report));
    }
  }

  int run() {
    if (Result<void> prepared = prepare(); !prepared) {
      // Nothing can go: every file that has no error of its own shares this one.
      for (Report& report : reports_)
        if (!report.error) fail(report, prepared.error());
      console_.error(prepared.error().message);
    } else if (check_files()) {
      upload_files();
    }
    if (options_.json) {
      const std::string report = json_report(reports_) + '\n';
      std::fwrite(report.data(), 1, report.size(), stdout);
    }
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      console_.error("the report could not be written to standard output");
    return code_;
  }

 private:
  void fail(Report& report, const Error& error) {
    report.status = Report::Status::failed;
    report.error = error;
    report.error->message = printable(error.message);
    if (code_ == 0) code_ = exit_code(error);
  }

  /// What concerns the run as a whole.
  Result<void> prepare() {
    TRY(check_dataset_key(options_.dataset));
    if (!options_.name.empty() && options_.files.size() > 1)
      return Error{ErrorKind::usage, fmt::format("--name gives one name, but there are {} files",
                                                 options_.files.size())};
    TRY_ASSIGN(base_url_, base_url(options_));
    TRY_ASSIGN(chunk_bytes_, parse_size(options_.chunk));
    if (chunk_bytes_ == 0) return Error{ErrorKind::usage, "--chunk must be at least one byte"};
    TRY_ASSIGN(const EngineOptions engine_options, cli::engine_options(options_, console_));
    TRY_ASSIGN(token_, read_token(options_.token_file));
    TRY_ASSIGN(engine_, Engine::create(engine_options));
    return {};
  }

  /// Every file, before anything is sent.
  bool check_files() {
    std::map<std::string, std::string> names;
    bool good = true;
    for (Report& report : reports_) {
      Result<std::uint64_t> size = check_file(options_, report.file);
      if (const auto [other, fresh] = names.emplace(report.name, report.file); size && !fresh)
        size = Error{ErrorKind::usage, fmt::format("{} and {} would both be deposited as '{}'",
                                                   printable(other->second), printable(report.file),
                                                   printable(report.name))};
      if (size) {
        report.bytes = *size;
        continue;
      }
      good = false;
      fail(report, size.error());
      console_.error(report.error->message);
    }
    if (!good && reports_.size() > 1) console_.error("nothing was sent");
    return good;
  }

  void upload_files() {
    catch_stop_signals();
    std::size_t tried = 0;
    for (Report& report : reports_) {
      if (stop_signal != 0) break;
      upload_file(report);
      ++tried;
      if (!report.error) continue;
      const ErrorKind kind = report.error->kind;
      // These would meet the next file as well.
      if (kind == ErrorKind::token_refused || kind == ErrorKind::no_such_dataset ||
          kind == ErrorKind::unreachable || kind == ErrorKind::interrupted)
        break;
    }
    const std::size_t left = reports_.size() - tried;
    if (left == 0) return;
    console_.error(
        fmt::format("{} more {} not tried", left, left == 1 ? "file was" : "files were"));
    if (code_ == 0) code_ = 128 + stop_signal;
  }

  void upload_file(Report& report) {
    UploadRequest request;
    request.base_url = base_url_;
    request.dataset = options_.dataset;
    request.token = token_;
    request.path = report.file;
    request.name = report.name;
    request.read_mode = options_.read_mode;
    request.chunk_bytes = chunk_bytes_;
    request.dry_run = options_.dry_run;
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
        break;
      case Report::Status::skipped:
        if (!options_.json)
          console_.result(
              fmt::format("{} ({}) would be deposited into dataset {} as '{}': the name is free\n",
                          printable(report.file), format_size(report.bytes), report.dataset,
                          printable(report.name)));
        break;
      case Report::Status::interrupted:
        if (code_ == 0) code_ = 128 + (stop_signal != 0 ? stop_signal : SIGINT);
        console_.error(report.error->message);
        break;
      case Report::Status::failed:
        if (code_ == 0) code_ = exit_code(*report.error);
        console_.error(report.error->message);
        break;
    }
  }

  /// Shows how far it is until it is over; cancels it when a signal asks for that.
  void watch(Upload& upload, const std::string& name) {
    constexpr auto tick = std::chrono::milliseconds(100);
    // In a log file a line after 10 s, then after twice the time each, at last every 5 minutes.
    auto line_interval = std::chrono::seconds(10);
    auto next_line = Clock::now() + line_interval;
    ProgressMeter meter;
    bool cancelled = false;
    while (!upload.wait_until(Clock::now() + tick)) {
      if (stop_signal != 0 && !std::exchange(cancelled, true)) upload.cancel();
      const auto now = Clock::now();
      const Progress progress = upload.progress();
      meter.update(now, progress.sent);
      if (console_.progress() == Console::Progress::live) {
        console_.live_line(progress_text(name, progress, meter));
      } else if (console_.progress() == Console::Progress::lines && now >= next_line) {
        console_.plain_line(progress_text(name, progress, meter));
        line_interval = std::min<std::chrono::seconds>(line_interval * 2, std::chrono::minutes(5));
        next_line = now + line_interval;
      }
    }
  }

  const PutOptions& options_;
  Console& console_;
  std::vector<Report> reports_;
  std::string base_url_;
  std::uint64_t chunk_bytes_ = 0;
  Secret token_;
  std::unique_ptr<Engine> engine_;
  int code_ = 0;
};

}  // namespace

int put(const PutOptions& options) {
  Console console(options.console);
  return Put(options, console).run();
}

}  // namespace sluice::cli
