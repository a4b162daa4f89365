#include "engine/pipeline/file_check.h"

#include <pthread.h>

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "engine/base/text.h"
#include "engine/digest/evp_digest.h"
#include "io/signals_blocked.h"

namespace sluice {
namespace {

std::uint64_t bytes_to_read(const FileCheck::Setting& setting) {
  const std::uint64_t size = setting.source.identity().size;
  if (setting.end >= size) return size;
  const std::uint64_t blocks = (setting.end + setting.block_bytes - 1) / setting.block_bytes;
  return std::min(size, blocks * setting.block_bytes);
}

}  // namespace

std::size_t FileCheck::pool_blocks_beside(std::size_t block_bytes) {
  return std::clamp<std::size_t>((std::size_t{64} << 20) / block_bytes, 2, 4);
}

Result<std::unique_ptr<FileCheck>> FileCheck::start(Setting setting) {
  TRY(check_available(setting.extra));
  TRY_ASSIGN(auto pool, BufferPool::create(setting.block_bytes, setting.pool_blocks));
  std::unique_ptr<FileCheck> check(new FileCheck(std::move(setting), std::move(pool)));
  if (check->setting_.workers.executor() != nullptr) {
    if (check->total_ > 0)
      check->stepped_ = check->pipeline([self = check.get()] { self->post_step(); });
    check->post_step();
    return check;
  }
  try {
    const SignalsBlocked blocked;
    check->thread_ = std::thread([self = check.get()] {
      ::pthread_setname_np(::pthread_self(), "reader");
      self->run();
    });
  } catch (const std::system_error& error) {
    Error failed = errno_error(ErrorKind::failed, error.code().value(),
                               "cannot start a thread to read the file");
    failed.message += "; raise the limit on threads (ulimit -u)";
    return failed;
  }
  return check;
}

FileCheck::FileCheck(Setting setting, std::unique_ptr<BufferPool> pool)
    : setting_(std::move(setting)),
      pool_(std::move(pool)),
      total_(bytes_to_read(setting_)),
      digest_(setting_.source.path(), setting_.source.identity().size, setting_.extra) {
  digest_.expect(setting_.expected);
  if (setting_.keep_checksums) digest_.keep_from(0);
}

FileCheck::~FileCheck() {
  cancel();
  if (thread_.joinable()) thread_.join();
}

void FileCheck::cancel() {
  MutexLock lock(mutex_);
  cancelled_ = true;
  changed_.notify_all();
  lock.unlock();
  if (setting_.workers.executor() != nullptr) post_step();
}

bool FileCheck::done() const {
  MutexLock lock(mutex_);
  return done_;
}

bool FileCheck::wait_until(std::chrono::steady_clock::time_point deadline) {
  if (setting_.workers.executor() != nullptr) {
    while (step())
      if (stepped_) static_cast<void>(stepped_->read_now());
    return true;
  }
  MutexLock lock(mutex_);
  while (!done_)
    if (!changed_.wait_until(mutex_, deadline)) return done_;
  return true;
}

Result<FileCheck::Digests> FileCheck::result() const {
  MutexLock lock(mutex_);
  return result_;
}

void FileCheck::run() noexcept {
  end(read_all());
}

void FileCheck::end(Result<void> read) {
  Result<Digests> result = read ? finish() : Result<Digests>(read.error());
  {
    MutexLock lock(mutex_);
    result_ = std::move(result);
    done_ = true;
    changed_.notify_all();
  }
  setting_.on_done();
}

std::unique_ptr<Pipeline> FileCheck::pipeline(std::function<void()> on_ready) {
  // Several reads in flight are needed to saturate a disk; the pool has no buffers for more.
  const int readers = setting_.source.mode() == ReadMode::direct
                          ? static_cast<int>(std::min<std::size_t>(pool_->count(), 8))
                          : 2;
  return std::make_unique<Pipeline>(
      Pipeline::Setting{setting_.source, *pool_, setting_.workers, digest_, clocks_,
                        setting_.block_bytes, readers, total_},
      0, std::move(on_ready));
}

Result<void> FileCheck::read_all() {
  if (total_ == 0) return {};
  const std::unique_ptr<Pipeline> pipeline = this->pipeline([this] {
    MutexLock lock(mutex_);
    ready_ = true;
    changed_.notify_all();
  });
  while (true) {
    TRY_ASSIGN(const bool all, take_ready(*pipeline));
    if (all) return {};
    MutexLock lock(mutex_);
    while (!ready_ && !cancelled_) changed_.wait(mutex_);
  }
}

Result<bool> FileCheck::take_ready(Pipeline& pipeline) {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (cancelled_)
        return Error{ErrorKind::interrupted,
                     fmt::format("reading {} was interrupted at offset {}",
                                 printable(setting_.source.path()), progress_.load())};
      ready_ = false;
    }
    if (progress_ == total_) return true;
    const Window::Taken taken = pipeline.take();
    if (taken.error) return *taken.error;
    if (!taken.block) return false;
    progress_ += taken.block->bytes.size();
  }
}

void FileCheck::post_step() {
  if (std::exchange(step_posted_, true)) return;
  setting_.workers.executor()->post(Executor::Work::check,
                                    [this, alive = std::weak_ptr<bool>(alive_)] {
                                      if (alive.expired()) return;
                                      step_posted_ = false;
                                      static_cast<void>(step());
                                    });
}

bool FileCheck::step() {
  if (done()) return false;
  Result<bool> all = stepped_ ? take_ready(*stepped_) : Result<bool>(true);
  if (all && !*all) return true;
  stepped_.reset();
  end(all ? Result<void>() : Result<void>(all.error()));
  return false;
}

Result<FileCheck::Digests> FileCheck::finish() const {
  TRY_ASSIGN(FileIdentity now, setting_.source.identity_now());
  if (setting_.time_may_change) now.modified = setting_.source.identity().modified;
  if (now != setting_.source.identity())
    return Error{
        ErrorKind::local_file,
        fmt::format(
            "cannot check {}: the file changed while sluice was reading it; try again when no "
            "program writes to the file any more",
            printable(setting_.source.path()))};
  Digests digests{
      digest_.xxh128(), digest_.extra(DigestKind::md5), digest_.extra(DigestKind::sha256), {}};
  if (setting_.keep_checksums) digests.checksums = digest_.snapshot(0).checksums;
  return digests;
}

}  // namespace sluice
