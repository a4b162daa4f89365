#include "tools/databankd/store/tus_append.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "tools/databankd/base/files.h"
#include "tools/databankd/base/log.h"

namespace sluice::databankd {

TusAppend::TusAppend(TusStore& store, TusStore::ItemPointer item, UniqueFd fd, std::uint64_t part,
                     std::optional<TusChecksum> checksum)
    : store_(store),
      item_(std::move(item)),
      fd_(std::move(fd)),
      part_(part),
      checksum_(std::move(checksum)) {
  const MutexLock lock(store_.mutex_);
  begin_ = item_->upload.offset;
  room_ = item_->upload.length.value_or(store_.options_.max_size) - begin_;
  digest_ = std::exchange(item_->digest, std::nullopt);
  if (may_discard()) committed_digest_ = digest_;
}

TusAppend::~TusAppend() {
  if (released_) return;
  roll_back();
  release();
}

void TusAppend::write(std::span<const std::byte> data) {
  if (error_ != 0) return;
  if (data.size() > room_ - received_) {
    too_long_ = true;
    data = data.first(static_cast<std::size_t>(room_ - received_));
  }
  if (checksum_) checksum_->update(data);
  while (!data.empty() && error_ == 0) {
    std::uint64_t length = data.size();
    if (part_ > 0) length = std::min(length, part_ - received_ % part_);
    write_bytes(data.first(static_cast<std::size_t>(length)));
    data = data.subspan(static_cast<std::size_t>(length));
    if (error_ == 0 && !checksum_ && (part_ == 0 || received_ % part_ == 0)) commit();
  }
}

void TusAppend::write_bytes(std::span<const std::byte> data) {
  if (fd_) error_ = write_all(fd_.get(), data);
  if (error_ != 0) return;
  if (digest_) digest_->update(data);
  received_ += data.size();
}

/// Counts all bytes received so far.
void TusAppend::commit() {
  committed_ = received_;
  if (may_discard()) committed_digest_ = digest_;
  {
    const MutexLock lock(store_.mutex_);
    item_->upload.offset = begin_ + committed_;
  }
  record_committed(begin_ + committed_);
}

/// Records the number of bytes that count, if the file's size may be larger.
void TusAppend::record_committed(std::optional<std::uint64_t> committed) {
  if (!may_discard() || !fd_) return;
  TusUpload upload;
  {
    const MutexLock lock(store_.mutex_);
    if (item_->deleted) return;
    upload = item_->upload;
  }
  if (const auto written = store_.write_info(upload, committed); !written)
    log_line(written.error().message);
}

/// Discards bytes that do not count.
void TusAppend::roll_back() {
  if (!may_discard() && error_ == 0) return;
  if (fd_ && ::ftruncate(fd_.get(), static_cast<off_t>(begin_ + committed_)) != 0)
    log_line(system_error(errno, "rb_file_truncate", item_->upload.id).message);
  if (received_ == committed_) return;
  digest_ = std::move(committed_digest_);
  received_ = committed_;
}

TusUpload TusAppend::release() {
  released_ = true;
  record_committed(std::nullopt);  // from now on the file's size is right
  const MutexLock lock(store_.mutex_);
  item_->upload.expires = std::chrono::system_clock::now() + store_.options_.lifetime;
  item_->digest = std::move(digest_);
  item_->busy = false;
  return item_->upload;
}

Result<TusUpload> TusAppend::finish() {
  const bool mismatch = checksum_ && (too_long_ || !checksum_->matches());
  const bool is_large_enough = part_ == 0 || received_ >= part_ || received_ == room_;
  if (error_ == 0 && !mismatch && is_large_enough && received_ > committed_) commit();
  roll_back();
  TusUpload upload = release();
  if (error_ != 0) {
    Error error = system_error(error_, "io_write", item_->upload.id);
    error.code = 500;
    return error;
  }
  if (too_long_) return Error{.message = "Size of this chunk surpasses Upload-Length", .code = 413};
  if (mismatch) return Error{.message = "Upload-Checksum value doesn't match", .code = 460};
  return upload;
}

}  // namespace sluice::databankd
