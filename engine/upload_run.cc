#include "engine/upload_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/text.h"

namespace sluice {
namespace {

/// Reads in flight. O_DIRECT waits for the disk, and a disk is only full with several reads: 8 of 4
/// MiB reach what 16 do. Through the page cache a read is a copy, and two keep ahead of any
/// network.
int readers_for(ReadMode mode) {
  return mode == ReadMode::direct ? 8 : 2;
}

double seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

UploadRun::UploadRun(Setting setting)
    : setting_(std::move(setting)),
      digest_(setting_.source->path(), setting_.source->identity().size),
      payload_({*setting_.source, setting_.pool, setting_.workers, digest_, clocks_,
                setting_.block_bytes, readers_for(setting_.source->mode())},
               [this] { setting_.http.resume(exchange_); }) {}

void UploadRun::start() {
  setting_.http.post([self = shared_from_this()] {
    self->started_ = Clock::now();
    self->next_step();
  });
}

void UploadRun::cancel() {
  setting_.http.post([self = shared_from_this()] {
    self->cancelled_ = true;
    self->setting_.http.cancel(self->exchange_);
  });
}

Progress UploadRun::progress() const {
  return {setting_.source->identity().size, payload_.offset(), committed_};
}

bool UploadRun::wait_until(Clock::time_point deadline) {
  MutexLock lock(mutex_);
  while (!done_)
    if (!done_changed_.wait_until(mutex_, deadline)) return done_;
  return true;
}

Report UploadRun::wait() {
  MutexLock lock(mutex_);
  while (!done_) done_changed_.wait(mutex_);
  const Report report = report_;
  lock.unlock();
  // The network thread is through with it. Ending the readers may wait for a disk, which is this
  // caller's time and not the network thread's.
  MutexLock stopping(stop_mutex_);
  payload_.stop();
  return report;
}

void UploadRun::next_step() {
  if (cancelled_) {
    finish(Report::Status::interrupted, explain({ErrorKind::interrupted, ""}));
    return;
  }
  request_ = setting_.protocol->next(setting_.request.chunk_bytes);
  if (!request_) {
    finish(Report::Status::registered, {});
    return;
  }
  Request& request = *request_;
  if (setting_.request.dry_run && request.step != Request::Step::ask_name) {
    finish(Report::Status::skipped, {});
    return;
  }
  if (request.step == Request::Step::finish)
    if (Result<void> unchanged = check_unchanged(); !unchanged) {
      finish(Report::Status::failed, std::move(unchanged).error());
      return;
    }
  // The first blocks are read while the server sets up.
  if (request.step == Request::Step::begin) payload_.seek(0);

  body_.emplace(request, payload_);
  Exchange exchange;
  exchange.url = setting_.request.base_url + request.path;
  exchange.headers = request.headers;
  exchange.headers.push_back("Authorization: Token token=" + setting_.request.token.reveal());
  exchange.body_size = request.body_size();
  exchange.body = &*body_;
  exchange.fresh_connection = !request.repeatable;
  exchange.patience =
      setting_.response_timeout.count() > 0 ? setting_.response_timeout : request.patience;
  exchange_started_ = Clock::now();
  waited_before_ = payload_.waited_for_read() + payload_.waited_for_checksum();
  exchange_ = setting_.http.start(exchange, [self = shared_from_this()](Result<Answer> result) {
    self->answered(std::move(result));
  });
}

void UploadRun::answered(Result<Answer> result) {
  account();
  if (!result) {
    const bool interrupted = result.error().kind == ErrorKind::interrupted;
    finish(interrupted ? Report::Status::interrupted : Report::Status::failed,
           explain(std::move(result).error()));
    return;
  }
  if (Result<void> read = setting_.protocol->read_answer(*result); !read) {
    finish(Report::Status::failed, std::move(read).error());
    return;
  }
  const std::uint64_t committed = setting_.protocol->committed();
  if (request_->step == Request::Step::chunk) {
    ++chunks_;
    committed_ = committed;
    digest_.forget_before(committed, setting_.block_bytes);
  }
  next_step();
}

void UploadRun::account() {
  const auto now = Clock::now();
  const auto handed = body_->all_handed().value_or(now);
  const double waited =
      payload_.waited_for_read() + payload_.waited_for_checksum() - waited_before_;
  sending_s_ += std::max(0.0, seconds(handed - exchange_started_) - waited);
  answering_s_ += seconds(now - handed);
}

Result<void> UploadRun::check_unchanged() const {
  TRY_ASSIGN(const FileIdentity now, setting_.source->identity_now());
  const FileIdentity& then = setting_.source->identity();
  if (now == then) return {};
  return Error{
      ErrorKind::local_file,
      fmt::format("{} changed while it was being uploaded ({}); nothing was registered, start "
                  "again once nothing writes to it",
                  printable(setting_.source->path()),
                  now.size != then.size ? fmt::format("from {} to {} bytes", then.size, now.size)
                                        : "its modification time is another")};
}

Error UploadRun::explain(Error error) const {
  const std::string file = printable(setting_.source->path());
  const std::string doubt = request_ && !request_->repeatable
                                ? "; " + setting_.protocol->doubt()
                                : std::string("; nothing was registered");
  if (error.kind == ErrorKind::interrupted) {
    error.message = fmt::format("the upload of {} was interrupted at byte {}{}", file,
                                setting_.protocol->committed(), doubt);
    return error;
  }
  if (body_ && body_->error()) return *body_->error();
  const std::string doing = fmt::format("{} for {} at byte {}", describe(request_->step), file,
                                        setting_.protocol->committed());
  if (error.kind == ErrorKind::unreachable)
    error.message = fmt::format(
        "no answer from {} while {}: {}{}{}", setting_.request.base_url, doing, error.message,
        doubt, request_->repeatable ? "; check the network and the address, and run it again" : "");
  else
    error.message = fmt::format("{} failed: {}{}", doing, error.message, doubt);
  return error;
}

Stages UploadRun::stages() const {
  const auto now = Clock::now();
  const double total = seconds(now - started_);
  Stages stages;
  const auto last_read = clocks_.reading.last_left();
  stages.read.busy_s = clocks_.reading.seconds();
  stages.read.wait_s = clocks_.no_buffer.seconds() +
                       (last_read == Clock::time_point{} ? 0 : seconds(now - last_read));
  stages.checksum.busy_s = clocks_.checksumming.seconds();
  stages.checksum.wait_s = std::max(0.0, total - stages.checksum.busy_s);
  stages.wait_for_read_s = payload_.waited_for_read();
  stages.wait_for_checksum_s = payload_.waited_for_checksum();
  stages.send.busy_s = sending_s_;
  stages.send.wait_s = stages.wait_for_read_s + stages.wait_for_checksum_s;
  stages.server.busy_s = answering_s_;
  stages.server.wait_s = std::max(0.0, total - answering_s_);
  return stages;
}

void UploadRun::finish(Report::Status status, std::optional<Error> error) {
  Report report;
  report.dataset = setting_.request.dataset;
  report.file = setting_.request.path;
  report.name = setting_.request.name;
  report.bytes = setting_.source->identity().size;
  report.committed = setting_.protocol->committed();
  report.status = status;
  report.protocol = setting_.protocol->name();
  report.seconds = seconds(Clock::now() - started_);
  if (status == Report::Status::registered) report.xxh128 = digest_.xxh128();
  report.chunks = chunks_;
  report.stages = stages();
  if (error) {
    // The protocol quotes without the token; this is for what curl quotes of a server. A short
    // token is no secret, and would be found in our own words.
    if (setting_.request.token.reveal().size() >= 8)
      error->message = setting_.request.token.redact(std::move(error->message));
    error->message = printable(error->message);  // io/ names files as they are
  }
  report.error = std::move(error);

  // Its buffers are for the other uploads now, whenever somebody asks for this one's report.
  payload_.give_up();

  MutexLock lock(mutex_);
  report_ = std::move(report);
  done_ = true;
  done_changed_.notify_all();
}

}  // namespace sluice
