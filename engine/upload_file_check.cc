// Whether the file of an UploadRun is still what was sent: its second reading, beside the upload
// (engine/file_check.h), and what its path says of it before it is registered.
#include <fmt/format.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "engine/upload_run.h"
#include "io/local_file.h"
#include "io/open_source.h"

namespace sluice {
namespace {

/// How often a file is read again because of its time of modification. If that goes on changing,
/// some program is writing.
constexpr std::size_t most_rereads = 3;

/// The path of a file that was sent leads nowhere any more: errno `code`.
Error not_found(const std::string& file, int code) {
  const bool gone = code == ENOENT || code == ENOTDIR || code == ELOOP;
  return Error{ErrorKind::local_file,
               fmt::format("cannot find {} before registering it: {}; {}", file,
                           std::system_category().message(code),
                           gone ? "it was deleted, renamed or moved while it was being uploaded, "
                                  "and nothing was registered: put it back and run the same "
                                  "command again"
                                : "nothing was registered: once it can be found, run the same "
                                  "command again"),
               code};
}

}  // namespace

Result<void> UploadRun::check_file(const Source& source, std::uint64_t end) {
  FileCheck::Setting check{
      .source = source, .workers = setting_.workers, .block_bytes = setting_.block_bytes};
  check.pool_blocks = FileCheck::pool_blocks_beside(setting_.block_bytes);
  check.end = end;
  if (setting_.earlier) check.expected = setting_.earlier->checksums;
  check.extra = setting_.request.digests;
  check.keep_checksums = in_parts();
  check.time_may_change = true;  // file_is_as_sent() sees to it
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
    if (began_in_doubt_ && finish_sent_)
      file_error_->message += "; " + setting_.protocol->doubt() + ", as the file was before";
    if (lanes_ && lanes_->under_way())
      lanes_->cancel();
    else if (flight_ && flight_->out)
      setting_.http.cancel(flight_->exchange);
    else
      finish(Report::Status::failed, *file_error_);
    return;
  }
  if (!registered_ && !in_parts() && reread_sources_.empty()) note_file();
  if (!std::exchange(waits_for_check_, false)) return;
  if (flight_ && flight_->out)
    setting_.http.resume(flight_->exchange);  // its end is held back
  else
    next_step();
}

Result<bool> UploadRun::digests_known() {
  if (!check_ && digest_.xxh128().empty()) TRY(check_file(*setting_.source, identity_.size));
  if (!check_ || check_->done()) return true;
  waits_for_check_ = true;
  return false;
}

Result<bool> UploadRun::file_is_as_sent() {
  const std::string& path = setting_.source->path();
  Result<FileIdentity> now = identity_at(path);
  if (!now) return not_found(file_, now.error().code);
  if (now->device != identity_.device || now->inode != identity_.inode)
    return Error{ErrorKind::local_file,
                 fmt::format("{} is another file now than the one that was sent: it was replaced, "
                             "or a link or directory in its path was; nothing was registered, "
                             "--restart sends the file that is there now",
                             file_)};
  if (now->size != identity_.size)
    return Error{ErrorKind::local_file,
                 fmt::format("{} changed while it was being uploaded (from {} to {} bytes); "
                             "nothing was registered, --restart sends it from its beginning once "
                             "nothing writes to it",
                             file_, identity_.size, now->size)};
  if (now->modified != identity_.modified) TRY(read_again(*now));
  if (check_ && !check_->done()) {
    waits_for_check_ = true;
    return false;
  }
  if (check_) TRY(compare_check());
  note_file();
  return true;
}

Result<void> UploadRun::read_again(const FileIdentity& now) {
  if (reread_sources_.size() == most_rereads)
    return Error{ErrorKind::local_file,
                 fmt::format("{} was modified again and again while it was being uploaded, the "
                             "last time at {}; nothing was registered, run the same command again "
                             "once nothing writes to it",
                             file_, utc_time(now.modified))};
  say(LogLevel::warning,
      fmt::format("{} was last modified at {}, and at {} before it was sent: it is read again and "
                  "compared with what was sent",
                  file_, utc_time(now.modified), utc_time(identity_.modified)));
  // By its path: what another program wrote on another node may not be seen through the descriptor.
  TRY_ASSIGN(OpenedSource opened, open_source(setting_.source->path(), setting_.request.read_mode,
                                              setting_.block_bytes));
  const FileIdentity then = std::exchange(identity_, opened.source->identity());
  if (identity_.size != then.size || identity_.inode != then.inode ||
      identity_.device != then.device)
    return Error{ErrorKind::local_file,
                 fmt::format("{} changed while it was about to be read again; nothing was "
                             "registered, --restart sends it once nothing writes to it",
                             file_)};
  reread_sources_.push_back(std::move(opened.source));
  if (check_) {
    check_->cancel();
    retired_check_ = std::move(check_);
  }
  return check_file(*reread_sources_.back(), identity_.size);
}

Result<void> UploadRun::compare_check() const {
  TRY_ASSIGN(const FileCheck::Digests checked, check_->result());
  if (in_parts()) TRY(compare_parts(checked));
  const std::string sent = digest_.xxh128();
  if (sent.empty() || checked.xxh128.empty() || checked.xxh128 == sent) return {};
  return Error{ErrorKind::local_file,
               fmt::format("{} changed while it was being uploaded: read again, it is not what "
                           "was sent; nothing was registered, --restart sends it from its "
                           "beginning",
                           file_)};
}

void UploadRun::note_file() {
  if (identity_.modified == noted_identity_.modified && identity_.inode == noted_identity_.inode)
    return;
  noted_identity_ = identity_;
  say(LogLevel::info, fmt::format("{} is still what was sent, and last modified at {}", file_,
                                  utc_time(identity_.modified)));
  if (record_) record_->file(identity_);
}

}  // namespace sluice
