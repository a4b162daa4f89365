// Uploader::upload(): several uploads at a time, from the first one's start to the last one's end.
#include "tools/sluice/run/uploader_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <numeric>
#include <utility>

#include "tools/sluice/display/report_text.h"
#include "tools/sluice/process/memory.h"
#include "tools/sluice/process/stop.h"

namespace sluice::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// The interval for drawing progress and checking stop signals.
constexpr auto poll_interval = std::chrono::milliseconds(100);

std::uint64_t bytes_of(const Work& work) {
  return std::accumulate(work.items.begin(), work.items.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const WorkItem& item) { return sum + item.bytes; });
}

std::string dataset_of(const UploadRequest& request) {
  return request.base_url + ' ' + request.dataset;
}

/// Uploads with the same key must not run concurrently: the phased protocol has one staging area
/// per dataset (protocol section 1.4).
std::vector<std::string> keys_of(const Work& work) {
  std::vector<std::string> keys;
  keys.reserve(work.items.size());
  for (const WorkItem& item : work.items) {
    const UploadRequest& request = work.targets[item.target].request;
    keys.push_back(request.server.protocol == ProtocolKind::phased ? dataset_of(request)
                                                                   : std::string());
  }
  return keys;
}

}  // namespace

Uploader::Run::Run(Uploader& uploader, Work work)
    : uploader_(uploader),
      work_(std::move(work)),
      schedule_(keys_of(work_)),
      max_transfers_(uploader.transfers_.most),
      started_(work_.items.size()),
      progress_(work_.items.size(), bytes_of(work_)),
      display_(uploader.console_, uploader.parsed_.progress_interval),
      next_event_(Clock::now(), uploader.parsed_.progress_interval) {
  std::uint64_t largest = 0;
  for (const WorkItem& item : work_.items) largest = std::max(largest, item.bytes);
  for (const Target& target : work_.targets) servers_.insert(target.request.base_url);
  if (uploader_.transfers_.automatic && uploader_.options_.verify_chunks == VerifyChunks::on)
    max_transfers_ = std::min<std::size_t>(
        max_transfers_,
        transfers_with_checked_chunks(uploader_.pool_bytes_, uploader_.block_bytes_, largest));
  count_ = TransferCount(static_cast<unsigned>(max_transfers_));
  if (!uploader_.report_.events()) return;
  std::vector<std::string> datasets;
  for (const Target& target : work_.targets) datasets.push_back(target.request.dataset);
  uploader_.report_.events()->upload_start(datasets, work_.items.size(), bytes_of(work_));
}

void Uploader::Run::run() {
  auto next_poll = Clock::now() + poll_interval;
  while (true) {
    start_uploads();
    if (adapt_count()) start_uploads();
    if (transfers_.count() == 0) break;
    if (const auto index = transfers_.wait_until(next_poll)) upload_ended(*index);
    // Uploads of small files may end more often than the interval.
    const auto now = Clock::now();
    if (now < next_poll) continue;
    next_poll = now + poll_interval;
    const bool stop = stop_signal() != 0 || memory_ran_out() || failed_;
    if (stop && !std::exchange(cancelled_, true)) transfers_.cancel();
    show_progress(now);
    warn_of_expiry(now);
  }
  count_rest();
  if (uploader_.report_.events()) uploader_.report_.events()->progress(progress_.totals());
}

void Uploader::Run::warn_of_expiry(RunProgress::Clock::time_point now) {
  const RunTotals totals = progress_.totals();
  if (const auto left = time_left_.update(now, totals.sent, totals.bytes))
    uploader_.tokens_.warn_of_expiry(left);
}

void Uploader::Run::count_rest() {
  std::size_t count = 0;
  for (std::size_t index = 0; index < work_.items.size(); ++index) {
    if (started_[index]) continue;
    ++count;
    uploader_.report_.count_not_started(work_.items[index].number, report_of(index));
  }
  if (count == 0) return;
  if (uploader_.options_.json)
    uploader_.report_.report_not_started(count);  // otherwise the summary line says which
  if (stop_signal() != 0)
    uploader_.report_.outcomes().note_code(128 + stop_signal());
  else if (uploader_.report_.outcomes().code() == 0)
    uploader_.report_.outcomes().note_code(1);
}

UploadRequest Uploader::Run::request_of(std::size_t index) const {
  const WorkItem& item = work_.items[index];
  UploadRequest request = work_.targets[item.target].request;
  request.path = item.path;
  request.name = item.name;
  if (item.expected) {
    request.expected = item.expected->digests;
    if (!request.expected.md5.empty()) request.digests.push_back(DigestKind::md5);
    if (!request.expected.sha256.empty()) request.digests.push_back(DigestKind::sha256);
  }
  if (const auto restarts = restarts_.find(index); restarts != restarts_.end()) {
    request.restart = false;  // a restart was done already
    request.in_one_piece = restarts->second.in_one_piece;
  }
  uploader_.apply_options(request);
  return request;
}

Report Uploader::Run::report_of(std::size_t index) const {
  const WorkItem& item = work_.items[index];
  const UploadRequest& request = work_.targets[item.target].request;
  Report report;
  report.dataset = request.dataset;
  report.file = item.path;
  report.name = item.name;
  report.bytes = item.bytes;
  report.protocol = to_string(request.server.protocol);
  return report;
}

void Uploader::Run::start_uploads() {
  share_pool();
  while (!no_more_starts_ && stop_signal() == 0 && !memory_ran_out() &&
         transfers_.count() < current_limit()) {
    const auto index = schedule_.next();
    if (!index) return;
    const UploadRequest& target = work_.targets[work_.items[*index].target].request;
    if (closed_datasets_.contains(dataset_of(target)))
      schedule_.ended(*index);
    else if (start(*index)) {
      started_[*index] = true;
    } else {
      schedule_.put_back(*index);
      max_transfers_ = transfers_.count();
    }
  }
}

std::size_t Uploader::Run::current_limit() const {
  return uploader_.transfers_.automatic ? std::min<std::size_t>(max_transfers_, count_.count())
                                        : max_transfers_;
}

bool Uploader::Run::adapt_count() {
  if (!uploader_.transfers_.automatic) return false;
  TransferCount::Sample sample{.now = Clock::now(),
                               .bytes = transfers_.transmitted(),
                               .files = sent_files_,
                               .running = transfers_.count(),
                               .waiting = schedule_.ready(),
                               .ceiling = {}};
  for (const std::string& server : servers_)
    if (const auto limit = uploader_.engine_->request_limit(server))
      sample.ceiling = std::min(*limit, sample.ceiling.value_or(*limit));
  const std::optional<TransferCount::Change> change = count_.update(sample);
  if (!change) return false;
  uploader_.console_.detail(describe(*change));
  return change->to > change->from;
}

void Uploader::Run::share_pool() {
  const auto runs = static_cast<unsigned>(
      std::max<std::size_t>(1, std::min(current_limit(), transfers_.count() + schedule_.ready())));
  if (std::exchange(shares_, runs) != runs) uploader_.engine_->set_uploads_at_a_time(runs);
}

bool Uploader::Run::start(std::size_t index) {
  UploadRequest request = request_of(index);
  request.on_over = transfers_.on_over(index);
  Result<std::unique_ptr<Upload>> upload = uploader_.engine_->start(request);
  if (!upload) {
    if (transfers_.count() > 0 && (upload.error().code == EMFILE || upload.error().code == ENFILE))
      return false;
    uploader_.report_.fail(work_.items[index].number, report_of(index), upload.error());
    file_finished(index, upload.error());
    return true;
  }
  progress_.transfer_started(index, work_.items[index].name);
  if (uploader_.report_.events())
    uploader_.report_.events()->file_start(report_of(index), (*upload)->progress().committed);
  transfers_.add(index, *std::move(upload));
  return true;
}

void Uploader::Run::upload_ended(std::size_t index) {
  Report report = transfers_.take(index);
  progress_.transfer_ended(index, report);
  if (report.status == Report::Status::interrupted && memory_ran_out() && stop_signal() == 0) {
    report.status = Report::Status::failed;
    report.error->kind = ErrorKind::failed;
    report.error->message += "; " + out_of_memory_error().message;
  }
  if (should_start_again(index, report)) {
    uploader_.console_.warning(fmt::format("{}; {}", report.error->message,
                                           report.again == Report::Again::whole
                                               ? "uploading the file again, in one piece"
                                               : "retrying the upload"));
    if (!start(index)) {
      schedule_.put_back(index);
      started_[index] = false;
    }
    return;
  }
  const UploadRequest request = request_of(index);
  recheck_protocol(request, report);
  const std::optional<Error> error = report.error;
  if (report.status == Report::Status::registered && report.registered_before.empty())
    ++sent_files_;
  if (report.error) report.error->message += uploader_.tokens_.store_advice(*report.error, request);
  uploader_.report_.file_ended(work_.items[index].number, std::move(report), request.server);
  file_finished(index, error);
}

bool Uploader::Run::should_start_again(std::size_t index, const Report& report) {
  if (cancelled_ || no_more_starts_ || report.again == Report::Again::nothing) return false;
  Restarts& restarts = restarts_[index];
  if (report.again == Report::Again::whole)  // a different method, not a retry
    return !std::exchange(restarts.in_one_piece, true);
  return uploader_.options_.retries > 0 && !std::exchange(restarts.what_is_missing, true);
}

void Uploader::Run::recheck_protocol(UploadRequest request, Report& report) {
  if (!report.error || report.error->kind != ErrorKind::failed || report.committed > 0 ||
      !request.server.remembered || std::exchange(protocol_rechecked_, true))
    return;
  const ProtocolKind before = request.server.protocol;
  if (const Result<void> asked =
          uploader_.ask_server(request, ProtocolKind::automatic, /*fresh=*/true);
      asked && request.server.protocol != before)
    report.error->message +=
        fmt::format("; the server's protocol has changed to {}: run the same command again",
                    to_string(request.server.protocol));
}

void Uploader::Run::file_finished(std::size_t index, const std::optional<Error>& error) {
  schedule_.ended(index);
  const WorkItem& item = work_.items[index];
  progress_.file_finished(item.bytes, !error);
  restarts_.erase(index);
  // Not at the first error: a smaller file may fit where a large one did not.
  run_errors_ = error && error->scope == Error::Scope::run ? run_errors_ + 1 : 0;
  if (run_errors_ == most_run_errors) no_more_starts_ = true;
  if (!error) return;
  if (uploader_.options_.fail_fast) failed_ = no_more_starts_ = true;
  switch (error->kind) {
    case ErrorKind::token_refused:
    case ErrorKind::no_such_dataset:
      // The tokens of other datasets may be valid.
      closed_datasets_.insert(dataset_of(work_.targets[item.target].request));
      break;
    case ErrorKind::unreachable:
    case ErrorKind::interrupted:
      no_more_starts_ = true;
      break;
    default:
      break;
  }
}

void Uploader::Run::show_progress(Clock::time_point now) {
  for (const auto& [index, progress] : transfers_.progress())
    progress_.update(index, progress, now);
  progress_.update_totals(now);
  display_.show(progress_.view(), now);
  if (uploader_.report_.events() && next_event_.begin_if_due(now))
    uploader_.report_.events()->progress(progress_.totals());
}

}  // namespace sluice::cli
