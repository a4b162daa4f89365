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
  if (waits()) safe_ = digest_;
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
    take(data.first(static_cast<std::size_t>(length)));
    data = data.subspan(static_cast<std::size_t>(length));
    if (error_ == 0 && !checksum_ && (part_ == 0 || received_ % part_ == 0)) commit();
  }
}

void TusAppend::take(std::span<const std::byte> data) {
  if (fd_) error_ = write_all(fd_.get(), data);
  if (error_ != 0) return;
  if (digest_) digest_->update(data);
  received_ += data.size();
}

/// All that was taken counts.
void TusAppend::commit() {
  committed_ = received_;
  if (waits()) safe_ = digest_;
  {
    const MutexLock lock(store_.mutex_);
    item_->upload.offset = begin_ + committed_;
  }
  note(begin_ + committed_);
}

/// Writes down how much counts, where the file's size does not say it.
void TusAppend::note(std::optional<std::uint64_t> committed) {
  if (!waits() || !fd_) return;
  TusUpload upload;
  {
    const MutexLock lock(store_.mutex_);
    if (item_->gone) return;
    upload = item_->upload;
  }
  if (const auto written = store_.write_info(upload, committed); !written)
    log_line(written.error().message);
}

/// Only what counted up to now does.
void TusAppend::roll_back() {
  if (!waits() && error_ == 0) return;
  if (fd_ && ::ftruncate(fd_.get(), static_cast<off_t>(begin_ + committed_)) != 0)
    log_line(system_error(errno, "rb_file_truncate", item_->upload.id).message);
  if (received_ == committed_) return;
  digest_ = std::move(safe_);
  received_ = committed_;
}

TusUpload TusAppend::release() {
  released_ = true;
  note(std::nullopt);  // from now on the file's size says it
  const MutexLock lock(store_.mutex_);
  item_->upload.expires = std::chrono::system_clock::now() + store_.options_.lifetime;
  item_->digest = std::move(digest_);
  item_->busy = false;
  return item_->upload;
}

Result<TusUpload> TusAppend::finish() {
  const bool mismatch = checksum_ && (too_long_ || !checksum_->matches());
  const bool counts = part_ == 0 || received_ >= part_ || received_ == room_;
  if (error_ == 0 && !mismatch && counts && received_ > committed_) commit();
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
