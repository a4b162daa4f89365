#include "tools/sluice/display/event_log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <random>
#include <system_error>
#include <utility>

#include "engine/base/text.h"
#include "tools/sluice/display/or_null.h"
#include "tools/sluice/process/stop.h"

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;
using nlohmann::ordered_json;
using Kind = OutputQueue::Kind;

/// The kinds of queued events, in the order in which they are dropped.
constexpr Kind dropped_first = Kind::progress;
constexpr Kind dropped_second = Kind::message;
constexpr Kind dropped_last = Kind::error;

constexpr std::size_t most_queued_bytes = 4 * 1024 * 1024;

std::string new_run_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

std::string event_line(std::chrono::system_clock::time_point time, std::string_view run,
                       std::string_view event, const ordered_json& fields) {
  const auto since = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  ordered_json line{{"version", event_log_version},
                    {"time", fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                                         fmt::gmtime(static_cast<std::time_t>(seconds.count())),
                                         (since - seconds).count())},
                    {"run", run},
                    {"event", event}};
  line.update(fields);
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

Result<std::unique_ptr<EventLog>> EventLog::open(const std::string& path) {
  struct stat status {};
  const bool fifo = ::stat(path.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
  // O_RDWR: a FIFO then needs no reader, and readers may come and go.
  const int mode = fifo ? O_RDWR : O_WRONLY | O_CREAT | O_APPEND;
  const int file = ::open(path.c_str(), mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
  if (file < 0) {
    Error error = errno_error(ErrorKind::usage, errno,
                              fmt::format("cannot open the event log {}", printable(path)));
    error.message += "; choose another file for --log-json";
    return error;
  }
  // The open file description is not shared with other processes, so changing its flags affects no
  // other process.
  ::fcntl(file, F_SETFL, ::fcntl(file, F_GETFL) & ~O_NONBLOCK);
  return std::unique_ptr<EventLog>(new EventLog(path, file, new_run_id()));
}

EventLog::EventLog(std::string path, int file, std::string run)
    : path_(std::move(path)),
      run_(std::move(run)),
      file_(file),
      channel_({.out = file_,
                .err = file_,
                .most_bytes = most_queued_bytes,
                .dropped = [run_id = run_](std::size_t count) {
                  return event_line(std::chrono::system_clock::now(), run_id, "dropped",
                                    {{"count", count}});
                }}) {}

EventLog::~EventLog() {
  // A thread blocked in write() still uses the descriptor, whose number must not be reused: leave
  // closing it to the end of the process.
  if (channel_.all_written()) ::close(file_);
}

void EventLog::write(Kind kind, std::string_view event, const ordered_json& fields) {
  channel_.push(kind, event_line(std::chrono::system_clock::now(), run_, event, fields));
}

void EventLog::run_start(std::string_view command) {
  write(dropped_last, "run_start",
        {{"sluice", SLUICE_VERSION},
         {"command", command},
         {"host", host_name()},
         {"process", ::getpid()}});
}

void EventLog::upload_start(const std::vector<std::string>& datasets, std::size_t files,
                            std::uint64_t bytes) {
  write(dropped_last, "upload_start", {{"datasets", datasets}, {"files", files}, {"bytes", bytes}});
}

void EventLog::file_start(const Report& report, std::uint64_t resumed_from) {
  write(dropped_second, "file_start",
        {{"file", report.file},
         {"name", report.name},
         {"dataset", report.dataset},
         {"bytes", report.bytes},
         {"protocol", report.protocol},
         {"resumed_from", resumed_from}});
}

void EventLog::progress(const RunTotals& totals) {
  std::optional<std::string> bottleneck;
  if (totals.bottleneck) bottleneck = to_string(*totals.bottleneck);
  write(dropped_first, "progress",
        {{"files", totals.files},
         {"files_over", totals.finished},
         {"transfers", totals.transfers},
         {"bytes", totals.bytes},
         {"sent", totals.sent},
         {"committed", totals.committed},
         {"bytes_per_second", totals.bytes_per_second},
         {"seconds_left", or_null(totals.seconds_left)},
         {"bottleneck", or_null(bottleneck)}});
}

void EventLog::file_end(const Report& report) {
  {
    const MutexLock lock(mutex_);
    ++ended_[report.status];
  }
  write(dropped_last, "file_end",
        {{"status", to_string(report.status)},
         {"report", ordered_json::parse(to_json(report), nullptr, /*allow_exceptions=*/false)}});
}

void EventLog::left_out(const std::string& path, std::string_view reason, const std::string& why) {
  write(dropped_last, "left_out", {{"file", path}, {"reason", reason}, {"text", why}});
}

void EventLog::message(Level level, const std::string& text) {
  write(dropped_second, "message",
        {{"level", level == Level::error     ? "error"
                   : level == Level::warning ? "warning"
                                             : "detail"},
         {"text", text}});
}

void EventLog::run_end(int exit_code) {
  using Status = Report::Status;
  ordered_json fields{{"exit_code", exit_code}};
  const MutexLock lock(mutex_);
  for (const Status status : {Status::registered, Status::failed, Status::interrupted,
                              Status::unconfirmed, Status::skipped})
    fields[to_string(status)] = ended_[status];
  write(dropped_last, "run_end", fields);
}

std::optional<std::string> EventLog::finish() {
  channel_.drain(2s, 500ms, [] { return stop_signal() != 0; });
  if (const int code = channel_.first_error(); code != 0)
    return fmt::format("cannot write the event log {}: {}; events are missing in the log",
                       printable(path_), std::system_category().message(code));
  if (!channel_.all_written())
    return fmt::format(
        "cannot write the event log {}: the file takes no more; events are missing "
        "in the log",
        printable(path_));
  return {};
}

}  // namespace sluice::cli
