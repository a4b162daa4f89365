// Whether the file of an UploadRun is still what was sent: its second reading, beside the upload
// (engine/file_check.h), and the look at its size and time before it is registered.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/upload_run.h"

namespace sluice {

Result<void> UploadRun::check_file(std::uint64_t end) {
  FileCheck::Setting check{
      .source = *setting_.source, .workers = setting_.workers, .block_bytes = setting_.block_bytes};
  // Two are the least; more than 64 MiB of them are of no use.
  check.pool_blocks = std::clamp<std::size_t>((std::size_t{64} << 20) / setting_.block_bytes, 2, 4);
  check.end = end;
  if (setting_.earlier) check.expected = setting_.earlier->checksums;
  check.extra = setting_.request.digests;
  check.keep_checksums = in_parts();
  check.on_done = [this, weak = weak_from_this()] {
    setting_.http.post([weak] {
      if (const auto self = weak.lock()) self->checked();
    });
  };
  TRY_ASSIGN(check_, FileCheck::start(std::move(check)));
  return {};
}

void UploadRun::checked() {
  // Before that, check_ may still be the starting thread's.
  if (!running_ || over_ || !check_ || !check_->done()) return;
  if (const auto result = check_->result(); !result && !registered_) {
    // The terabytes that are left need not be sent.
    file_error_ = result.error();
    if (lanes_ && lanes_->under_way())
      lanes_->cancel();
    else if (flight_ && flight_->out)
      setting_.http.cancel(flight_->exchange);
    else
      finish(Report::Status::failed, *file_error_);
    return;
  }
  if (std::exchange(waits_for_check_, false)) next_step();
}

Result<bool> UploadRun::digests_known() {
  if (!check_ && digest_.xxh128().empty()) TRY(check_file(setting_.source->identity().size));
  if (!check_ || check_->done()) return true;
  waits_for_check_ = true;
  return false;
}

Result<void> UploadRun::check_unchanged() const {
  TRY_ASSIGN(const FileIdentity now, setting_.source->identity_now());
  const FileIdentity& then = setting_.source->identity();
  if (now == then) return {};
  return Error{
      ErrorKind::local_file,
      fmt::format("{} changed while it was being uploaded ({}); nothing was registered, --restart "
                  "sends it anew once nothing writes to it",
                  file_,
                  now.size != then.size ? fmt::format("from {} to {} bytes", then.size, now.size)
                                        : "its modification time is another")};
}

}  // namespace sluice
