// Uploader::upload(): several uploads at a time, from the first one's start to the last one's end.
#include "tools/sluice/run/uploader_run.h"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "tools/sluice/display/report_text.h"
#include "tools/sluice/process/memory.h"
#include "tools/sluice/process/stop.h"

namespace sluice::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// How often the progress is drawn, and the stop signals are looked at.
constexpr auto tick = std::chrono::milliseconds(100);

std::string dataset_of(const UploadRequest& request) {
  return request.base_url + ' ' + request.dataset;
}

/// The phased protocol has one staging area a dataset (protocol section 1.4).
std::vector<std::string> keys_of(const std::vector<Uploader::Task>& tasks) {
  std::vector<std::string> keys;
  for (const Uploader::Task& task : tasks)
    keys.push_back(task.request.server.protocol == ProtocolKind::phased ? dataset_of(task.request)
                                                                        : std::string());
  return keys;
}

}  // namespace

Uploader::Run::Run(Uploader& uploader, std::vector<Task> tasks)
    : uploader_(uploader),
      tasks_(std::move(tasks)),
      schedule_(keys_of(tasks_)),
      most_(uploader.transfers_) {
  for (const Task& task : tasks_) bytes_ += task.report->bytes;
}

void Uploader::Run::run() {
  while (true) {
    start_some();
    if (transfers_.count() == 0) break;
    if (const auto number = transfers_.wait_until(Clock::now() + tick)) {
      ended(*number);
      continue;
    }
    if ((stop_signal() != 0 || memory_ran_out()) && !std::exchange(cancelled_, true))
      transfers_.cancel();
    show_progress();
  }
  uploader_.left(tasks_.size() - tried_);
}

void Uploader::Run::start_some() {
  while (!ends_all_ && stop_signal() == 0 && !memory_ran_out() && transfers_.count() < most_) {
    const auto number = schedule_.next();
    if (!number) return;
    const Task& task = tasks_[*number];
    if (closed_.contains(dataset_of(task.request)))
      schedule_.ended(*number);
    else if (start(*number)) {
      ++tried_;
    } else {
      schedule_.put_back(*number);
      most_ = transfers_.count();
    }
  }
}

bool Uploader::Run::start(std::size_t number) {
  Task& task = tasks_[number];
  uploader_.complete(task.request);
  task.request.on_over = transfers_.on_over(number);
  task.report->protocol = to_string(task.request.server.protocol);
  Result<std::unique_ptr<Upload>> upload = uploader_.engine_->start(task.request);
  if (!upload) {
    if (transfers_.count() > 0 && (upload.error().code == EMFILE || upload.error().code == ENFILE))
      return false;
    uploader_.fail(*task.report, upload.error());
    uploader_.console_.error(task.report->error->message);
    over(number);
    return true;
  }
  transfers_.add(number, *std::move(upload));
  several_ = several_ || transfers_.count() > 1;
  if (!several_) {
    // Each has a line of its own.
    name_ = task.report->name;
    meter_ = {};
    line_.emplace(uploader_.console_);
  }
  return true;
}

void Uploader::Run::ended(std::size_t number) {
  Report& report = *tasks_[number].report;
  report = transfers_.take(number);
  uploader_.console_.clear_line();
  if (report.status == Report::Status::interrupted && memory_ran_out() && stop_signal() == 0) {
    report.status = Report::Status::failed;
    report.error->kind = ErrorKind::failed;
    report.error->message += "; " + out_of_memory_error().message;
  }
  if (goes_again(number, report)) {
    uploader_.console_.warning(fmt::format("{}; {}", report.error->message,
                                           report.again == Report::Again::whole
                                               ? "uploading the file again, in one piece"
                                               : "retrying the upload"));
    tasks_[number].request.restart = false;  // that was done
    if (report.again == Report::Again::whole) tasks_[number].request.in_one_piece = true;
    if (!start(number)) {
      schedule_.put_back(number);
      --tried_;
    }
    return;
  }
  doubt_memory(tasks_[number].request, report);
  uploader_.tell(report, tasks_[number].request);
  over(number);
}

bool Uploader::Run::goes_again(std::size_t number, const Report& report) {
  if (cancelled_ || ends_all_) return false;
  switch (report.again) {
    case Report::Again::nothing:
      break;
    case Report::Again::what_is_missing:
      return uploader_.options_.retries > 0 && again_.insert(number).second;
    case Report::Again::whole:  // another way, and no retry
      return !tasks_[number].request.in_one_piece;
  }
  return false;
}

void Uploader::Run::doubt_memory(UploadRequest request, Report& report) {
  if (!report.error || report.error->kind != ErrorKind::failed || report.committed > 0 ||
      !request.server.remembered || std::exchange(doubted_, true))
    return;
  const ProtocolKind before = request.server.protocol;
  if (const Result<void> asked =
          uploader_.ask_server(request, ProtocolKind::automatic, /*fresh=*/true);
      asked && request.server.protocol != before)
    report.error->message +=
        fmt::format("; the server's protocol has changed to {}: run the same command again",
                    to_string(request.server.protocol));
}

void Uploader::Run::over(std::size_t number) {
  schedule_.ended(number);
  const Report& report = *tasks_[number].report;
  ++over_;
  over_bytes_ += report.bytes;
  if (!report.error) return;
  switch (report.error->kind) {
    case ErrorKind::token_refused:
    case ErrorKind::no_such_dataset:
      // One dataset's token says nothing about the next one's.
      closed_.insert(dataset_of(tasks_[number].request));
      break;
    case ErrorKind::unreachable:
    case ErrorKind::interrupted:
      ends_all_ = true;
      break;
    default:
      break;
  }
}

void Uploader::Run::show_progress() {
  if (!line_) line_.emplace(uploader_.console_);
  const auto now = Clock::now();
  Progress progress = transfers_.progress();
  if (!several_) {
    meter_.update(now, progress.sent);
    line_->show(progress_of_file(name_, progress, meter_), now);
    return;
  }
  progress.sent += over_bytes_;
  progress.total = bytes_;
  meter_.update(now, progress.sent);
  line_->show(progress_of_all(over_, tasks_.size(), progress, meter_), now);
}

}  // namespace sluice::cli
