// Whether the file of an UploadRun is still what was sent: its second reading, beside the upload
// (engine/pipeline/file_check.h), and what its path says of it before it is registered.
#include <fmt/format.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "engine/upload/upload_run.h"
#include "io/local_file.h"
#include "io/open_source.h"

namespace sluice {
namespace {

/// How often a file is read again because of its time of modification. If that goes on changing,
/// some program is writing.
constexpr std::size_t most_rereads = 3;

/// What a user does about a file that changed during its upload.
constexpr const char* upload_again =
    "nothing was registered; when no program writes to the file any more, upload it again with "
    "--restart";

/// The error for a file whose path cannot be looked up after its bytes were sent: errno `code`.
Error not_found(const std::string& file, int code) {
  const bool gone = code == ENOENT || code == ENOTDIR || code == ELOOP;
  return Error{
      ErrorKind::local_file,
      fmt::format("cannot register {}: cannot stat the file: {}; nothing was registered; {}", file,
                  std::system_category().message(code),
                  gone ? "the file was deleted, renamed or moved during the upload: put the "
                         "file back and run the same command again"
                       : "make the file accessible and run the same command again"),
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
    http().post([weak] {
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
      file_error_->message +=
          "; the earlier content of the file may be registered; " + setting_.protocol->doubt();
    if (lanes_ && lanes_->under_way())
      lanes_->cancel();
    else if (flight_ && flight_->out)
      http().cancel(flight_->exchange);
    else
      finish(Report::Status::failed, *file_error_);
    return;
  }
  if (!registered_ && !in_parts() && reread_sources_.empty()) note_file();
  if (!std::exchange(waits_for_check_, false)) return;
  if (flight_ && flight_->out)
    http().resume(flight_->exchange);  // its end is held back
  else
    next_step();
}

Result<bool> UploadRun::digests_known() {
  if (!check_ && digest_.xxh128().empty()) TRY(check_file(*setting_.source, identity_.size));
  if (!check_ || check_->done()) return true;
  waits_for_check_ = true;
  return false;
}

Result<bool> UploadRun::digests_as_expected() {
  if (!setting_.request.expected.any()) return true;
  TRY_ASSIGN(const bool known, digests_known());
  if (!known) return false;
  Report report;
  report.file = setting_.request.path;
  add_digests(report);
  TRY(check_digests(setting_.request.expected, report, /*registered=*/false));
  return true;
}

Result<bool> UploadRun::file_is_as_sent() {
  const std::string& path = setting_.source->path();
  Result<FileIdentity> now = identity_at(path);
  if (!now) return not_found(file_, now.error().code);
  if (now->device != identity_.device || now->inode != identity_.inode)
    return Error{
        ErrorKind::local_file,
        fmt::format("cannot register {}: another file has taken the path (the file, or a link "
                    "or directory in the path, was replaced); nothing was registered; "
                    "to upload the new file, use --restart",
                    file_)};
  if (now->size != identity_.size)
    return Error{
        ErrorKind::local_file,
        fmt::format("cannot register {}: the file changed during the upload, from {} to {} "
                    "bytes; {}",
                    file_, identity_.size, now->size, upload_again)};
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
    return Error{
        ErrorKind::local_file,
        fmt::format("cannot register {}: the file was modified repeatedly during the upload, "
                    "most recently at {}; nothing was registered; when no program writes to "
                    "the file any more, run the same command again",
                    file_, utc_time(now.modified))};
  say(LogLevel::warning,
      fmt::format(
          "the modification time of {} changed during the upload, from {} to {}: reading the "
          "file again to compare it with the bytes sent",
          file_, utc_time(identity_.modified), utc_time(now.modified)));
  // By its path: what another program wrote on another node may not be seen through the descriptor.
  TRY_ASSIGN(OpenedSource opened, open_source(setting_.source->path(), setting_.request.read_mode,
                                              setting_.block_bytes));
  const FileIdentity then = std::exchange(identity_, opened.source->identity());
  if (identity_.size != then.size || identity_.inode != then.inode ||
      identity_.device != then.device)
    return Error{
        ErrorKind::local_file,
        fmt::format("cannot register {}: the file changed before sluice could read it again; {}",
                    file_, upload_again)};
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
               fmt::format("cannot register {}: the file changed during the upload; {}", file_,
                           upload_again)};
}

void UploadRun::note_file() {
  if (identity_.modified == noted_identity_.modified && identity_.inode == noted_identity_.inode)
    return;
  noted_identity_ = identity_;
  say(LogLevel::info,
      fmt::format("the content of {} equals the bytes sent; its modification time is now {}", file_,
                  utc_time(identity_.modified)));
  if (record_) record_->file(identity_);
}

}  // namespace sluice
