// UploadRun: calls from other threads.
#include <algorithm>
#include <utility>

#include "engine/upload/upload_run.h"

namespace sluice {

void UploadRun::cancel() {
  http().post([self = shared_from_this()] {
    if (self->is_over()) return;
    self->cancelled_ = true;
    if (self->setting_.preparation && self->setting_.preparation->is_running())
      self->setting_.preparation->cancel();
    else if (self->registration_.state().is_confirmed())  // only the receipt's digests are missing
      self->finish(Report::Status::registered, {});
    else if (self->sender_.is_busy())
      self->sender_.cancel();
    else
      self->interrupt();
  });
}

void UploadRun::interrupt() {
  // A server that stores a chunk while it arrives has about as many bytes as were sent.
  const std::uint64_t offset =
      setting_.protocol->keeps_parts_of_chunks() ? progress().sent : committed_.load();
  finish(Report::Status::interrupted, messages_.interrupted(offset));
}

Progress UploadRun::progress() const {
  if (setting_.preparation) {
    Progress all = setting_.preparation->progress();
    all.total = setting_.size();
    return all;
  }
  return {.total = setting_.size(),
          .sent = payload_.passed(),
          .committed = committed_,
          .transmitted = payload_.total_read(),
          .stages = outcome_.stages()};
}

std::optional<Answer::Network> UploadRun::network() const {
  return http().is_network_thread() ? sender_.network() : outcome_.network();
}

ByteRange UploadRun::range() const {
  const std::uint64_t begin = setting_.part ? setting_.part->begin : 0;
  return {begin, begin + setting_.size()};
}

void UploadRun::set_lane_count(unsigned lanes) {
  UploadRun::Setting::Part& part = *setting_.part;
  part.share->resize_share(std::max(part.least_blocks, setting_.pool.count() / lanes));
}

Report UploadRun::wait() {
  Report report = outcome_.wait();
  // The network thread has finished the upload. The rest may block on the disk, which the caller
  // may do and the network thread must not.
  MutexLock stopping(stop_mutex_);
  if (record_) {
    record_->wait();
    report.resumable = report.status != Report::Status::registered && record_->resumable();
  }
  if (setting_.preparation) setting_.preparation->wait_for_threads();
  setting_.lock.reset();
  payload_.stop();
  sent_file_.release();
  return report;
}

void UploadRun::wait_for_threads() {
  if (record_) record_->wait();
  MutexLock stopping(stop_mutex_);
  payload_.stop();
  sent_file_.release();
}

}  // namespace sluice
