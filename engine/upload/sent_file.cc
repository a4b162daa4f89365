#include "engine/upload/sent_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "engine/report/receipt.h"
#include "io/file_time.h"
#include "io/local_file.h"
#include "io/open_source.h"

namespace sluice {
namespace {

/// How often a file is read again because its modification time changed. After that, some program
/// must be writing to the file.
constexpr std::size_t most_rereads = 3;

/// The advice about a file that changed during its upload.
constexpr const char* upload_again =
    "nothing was registered; when no program writes to the file any more, upload the file again "
    "with --restart";

/// Returns the error for a file whose stat() failed after its bytes were sent, with errno `code`.
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

Result<void> SentFile::start_check(const Source& source, std::uint64_t end) {
  FileCheck::Setting check{
      .source = source, .workers = setting_.workers, .block_bytes = setting_.block_bytes};
  check.pool_blocks = FileCheck::pool_blocks_beside(setting_.block_bytes);
  check.end = end;
  check.expected = setting_.sent_before;
  check.extra = setting_.digests;
  check.keep_checksums = setting_.keep_checksums;
  check.time_may_change = true;  // is_as_sent() checks the time
  check.on_done = setting_.on_read;
  TRY_ASSIGN(check_, FileCheck::start(std::move(check)));
  return {};
}

void SentFile::retire_check() {
  if (!check_) return;
  check_->cancel();
  retired_ = std::move(check_);
}

void SentFile::start_over() {
  setting_.sent_before.clear();
  retire_check();
}

void SentFile::cancel() {
  if (check_) check_->cancel();
}

std::optional<Error> SentFile::failure() const {
  if (!was_read()) return {};
  const auto result = check_->result();
  return result ? std::nullopt : std::optional(result.error());
}

Result<bool> SentFile::has_digests() {
  if (!check_ && setting_.digest.xxh128().empty()) TRY(read_again(identity_.size));
  return !is_reading();
}

Result<bool> SentFile::has_expected_digests() {
  if (!setting_.expected.any()) return true;
  TRY_ASSIGN(const bool known, has_digests());
  if (!known) return false;
  Report report;
  report.file = setting_.path;
  add_digests(report);
  TRY(check_digests(setting_.expected, report, /*registered=*/false));
  return true;
}

void SentFile::add_digests(Report& report) const {
  report.xxh128 = setting_.digest.xxh128();
  report.md5 = setting_.digest.extra(DigestKind::md5);
  report.sha256 = setting_.digest.extra(DigestKind::sha256);
  if (!was_read()) return;
  const auto checked = check_->result();
  if (!checked) return;
  if (report.xxh128.empty()) report.xxh128 = checked->xxh128;
  if (report.md5.empty()) report.md5 = checked->md5;
  if (report.sha256.empty()) report.sha256 = checked->sha256;
}

Result<bool> SentFile::is_as_sent() {
  const std::string& path = setting_.source.path();
  Result<FileIdentity> now = identity_at(path);
  if (!now) return not_found(setting_.name, now.error().code);
  if (now->device != identity_.device || now->inode != identity_.inode)
    return Error{
        ErrorKind::local_file,
        fmt::format("cannot register {}: the path now names another file (the file, or a link "
                    "or directory in the path, was replaced); nothing was registered; "
                    "to upload the new file, use --restart",
                    setting_.name)};
  if (now->size != identity_.size)
    return Error{
        ErrorKind::local_file,
        fmt::format("cannot register {}: the file changed during the upload, from {} to {} "
                    "bytes; {}",
                    setting_.name, identity_.size, now->size, upload_again)};
  if (now->modified != identity_.modified) TRY(reopen(*now));
  if (is_reading()) return false;
  if (check_) TRY(compare_check());
  note();
  return true;
}

Result<void> SentFile::reopen(const FileIdentity& now) {
  if (reopened_.size() == most_rereads)
    return Error{
        ErrorKind::local_file,
        fmt::format("cannot register {}: the file was modified repeatedly during the upload, "
                    "most recently at {}; nothing was registered; when no program writes to "
                    "the file any more, run the same command again",
                    setting_.name, utc_time(now.modified))};
  if (setting_.log)
    setting_.log(
        LogLevel::warning,
        fmt::format(
            "the modification time of {} changed during the upload, from {} to {}: reading the "
            "file again to compare it with the bytes sent",
            setting_.name, utc_time(identity_.modified), utc_time(now.modified)));
  // Opened by path: bytes written on another node may be invisible through the old descriptor.
  TRY_ASSIGN(OpenedSource opened,
             open_source(setting_.source.path(), setting_.read_mode, setting_.block_bytes));
  const FileIdentity then = std::exchange(identity_, opened.source->identity());
  if (identity_.size != then.size || identity_.inode != then.inode ||
      identity_.device != then.device)
    return Error{
        ErrorKind::local_file,
        fmt::format("cannot register {}: the file changed before sluice could read it again; {}",
                    setting_.name, upload_again)};
  reopened_.push_back(std::move(opened.source));
  retire_check();
  return start_check(*reopened_.back(), identity_.size);
}

Result<void> SentFile::compare_check() const {
  TRY_ASSIGN(const FileCheck::Digests checked, check_->result());
  if (setting_.compare) TRY(setting_.compare(checked));
  const std::string sent = setting_.digest.xxh128();
  if (sent.empty() || checked.xxh128.empty() || checked.xxh128 == sent) return {};
  return Error{ErrorKind::local_file,
               fmt::format("cannot register {}: the file changed during the upload; {}",
                           setting_.name, upload_again)};
}

void SentFile::note() {
  FileIdentity& noted = setting_.noted;
  if (identity_.modified == noted.modified && identity_.inode == noted.inode) return;
  noted = identity_;
  if (setting_.log)
    setting_.log(LogLevel::info, fmt::format("the content of {} equals the bytes sent; its "
                                             "modification time is now {}",
                                             setting_.name, utc_time(identity_.modified)));
  if (setting_.on_noted) setting_.on_noted(identity_);
}

}  // namespace sluice
